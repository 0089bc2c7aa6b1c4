"""What a queue's history tells: how long batches take, how fast they arrive, how long a worker takes to start.

How long: by Little's law the batches in flight, summed up over time, are the time that those done took; that needs no
word from the workers but the count of batches done. demand.py uses it.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from dcp_pipeline.scaling.model import Change, Learned, Load, Pace, Rise, Sample, Workers

KEPT_SECONDS = 60.0
LONGEST_GAP_SECONDS = 30.0
"""After a longer time without a look nothing is concluded from the difference."""
FADE_PER_BATCH = 0.98
FADE_HALF_LIFE_SECONDS = 30.0
USUAL_RISES_PER_BATCH = 0.001
USUAL_FALLS_PER_BATCH = 0.02
USUAL_NEEDS_BATCHES = 30.0
SUSTAINED_LOOKS = 2
NEW_STARTUP_SHARE = 0.3
LONGEST_STARTUP_SECONDS = 120.0


def observe(before: Learned, load: Load, workers: Workers, now: float) -> Learned:
    """What is known after one more look."""
    last = before.samples[-1] if before.samples else None
    if last is None or now - last.at > LONGEST_GAP_SECONDS:
        first = Sample(now, load.backlog, load.in_flight, 0)
        return _started(replace(before, samples=(first,), counter=load.done), workers, now)
    newly = _newly_done(before.counter, load.done)
    sample = Sample(now, load.backlog, load.in_flight, last.done + newly)
    pace = before.pace if load.done is None else _paced(before.pace, last, sample)
    samples = (*(each for each in before.samples if now - each.at <= KEPT_SECONDS), sample)
    usual = _usual(before.usual_seconds, pace, newly)
    after = replace(before, samples=samples, counter=load.done, pace=pace, usual_seconds=usual)
    return _started(after, workers, now)


def sustained_arrivals(learned: Learned) -> float:
    """Batches per second that arrive steadily: the lesser of the last two looks, so that one burst is no flow."""
    latest = learned.samples[-SUSTAINED_LOOKS - 1 :]
    if len(latest) <= SUSTAINED_LOOKS:
        return 0.0
    return min(_arrivals(earlier, later) for earlier, later in pairwise(latest))


def mean_arrivals(learned: Learned) -> float:
    """Batches per second over the last minute, or as much of it as was seen."""
    samples = learned.samples
    return _arrivals(samples[0], samples[-1]) if len(samples) > 1 else 0.0


def _arrivals(earlier: Sample, later: Sample) -> float:
    arrived = later.backlog - earlier.backlog + later.done - earlier.done
    return max(0, arrived) / (later.at - earlier.at) if later.at > earlier.at else 0.0


def _newly_done(before: int | None, now: int | None) -> int:
    if before is None or now is None:
        return 0
    return now - before if now >= before else now


def _paced(before: Pace, last: Sample, sample: Sample) -> Pace:
    """Older batches fade out by the batches done since or by time, whichever is slower: the last 50, or a minute's."""
    seconds, done = sample.at - last.at, sample.done - last.done
    fade = max(FADE_PER_BATCH**done, 0.5 ** (seconds / FADE_HALF_LIFE_SECONDS))
    in_hand = (last.in_flight + sample.in_flight) / 2 * seconds
    return Pace(before.slot_seconds * fade + in_hand, before.done * fade + done)


def _usual(before: float | None, pace: Pace, newly: int) -> float | None:
    """Falls fast and rises slowly: what is unusual must not become usual within minutes."""
    if before is None:
        return pace.seconds_per_batch if pace.done >= USUAL_NEEDS_BATCHES else None
    step = USUAL_FALLS_PER_BATCH if pace.seconds_per_batch < before else USUAL_RISES_PER_BATCH
    return before + (pace.seconds_per_batch - before) * (1 - (1 - step) ** newly)


def _started(learned: Learned, workers: Workers, now: float) -> Learned:
    """Learn the startup time from a rise whose pods are all ready now; forget a rise that was called off.

    What lies between wanted and ready pods over time is the sum of the pods' startup times: so their mean is learned,
    not the slowest one's. A busy node starts ten one after the other.
    """
    rise = learned.starting
    if rise is None:
        return learned
    if workers.wanted < rise.after or now - rise.begun > LONGEST_STARTUP_SECONDS:
        return replace(learned, starting=None)
    missing = min(max(rise.after - workers.ready, 0), rise.missing)
    waited = rise.waited + (rise.missing + missing) / 2 * (now - rise.at)
    if missing:
        return replace(learned, starting=replace(rise, missing=missing, at=now, waited=waited))
    took = learned.startup_seconds + (waited / rise.pods - learned.startup_seconds) * NEW_STARTUP_SHARE
    return replace(learned, starting=None, startup_seconds=took)


def starting(learned: Learned, change: Change) -> Learned:
    """With a rise noted whose startup is to be timed; one that is being timed goes on."""
    pods = change.after - change.before
    if pods <= 0 or learned.starting is not None:
        return learned
    rise = Rise(begun=change.at, after=change.after, pods=pods, missing=pods, at=change.at)
    return replace(learned, starting=rise)
