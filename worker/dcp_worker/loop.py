"""The worker: claims batches, cleans them, commits them, and only then acknowledges them.

`Worker` is one internal worker with one tested step, run_once; `WorkerLoop` runs as many of them as the spec's
concurrency says, each in a thread. What can come of a batch is in verdicts.py, the commit itself in sink/, the cleaning
in clean/.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

import msgspec
import redis

from dcp_pipeline.batch import Batch, BatchError, BatchForged, BatchVersion, decode_batch, forged
from dcp_pipeline.database.errors import SinkUnavailable
from dcp_pipeline.ledger.holding import TooManyRejected
from dcp_pipeline.observe.phases import Phase
from dcp_pipeline.queue import Exchange, ForeignPipeline, Lease, RetryState
from dcp_worker.parts import Parts
from dcp_worker.sink import CommitKind
from dcp_worker.together import MOST_BYTES, Portion, settle_together
from dcp_worker.trouble import UNREADY
from dcp_worker.verdicts import Done, Failed, Foreign, Forged, Held, NotNow, Verdict, problem_of

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 5.0
_HELD_BACK_SECONDS = 0.2
"""Between two looks whether a batch that is tried alone is done."""
_LEAVING_SECONDS = 1.0
"""Between two looks whether the process, asked to go, is to stay after all."""


class Worker:
    """One internal worker. It holds one batch, or some small ones; what is done is acknowledged with the next claim."""

    def __init__(self, parts: Parts, name: str, stopping: threading.Event, portion: Portion | None = None) -> None:
        self._parts, self._name, self._stopping = parts, name, stopping
        self._portion = portion or Portion()
        # The queue remembers the last claim of each name, for the case that its answer was lost.
        self._claimant = f"{parts.worker_id}/{name}"
        self._acks: list[Lease] = []
        self.in_hand: tuple[Lease, ...] = ()
        self._pause = _PAUSE_SECONDS

    def run(self) -> None:
        """Steps until asked to stop; then only tells the queue what is done."""
        while not self._stopping.is_set():
            try:
                self.run_once()
            except Exception:
                # A defect of ours, or a queue that refuses: a run that waits for this worker must not wait for ever.
                log.exception("worker stumbled; it goes on", extra={"worker": self._name})
                self._wait_out_trouble()
        self._exchange(want=0)
        self._parts.pulse.end(self._name)

    def run_once(self) -> bool:
        """One claim and, where there was something, one batch or some small ones. True when there was."""
        self._parts.pulse.beat(self._name)
        answer = self._exchange(want=self._portion.most)
        if answer is None:
            self._wait_out_trouble()
            return False
        begun = time.monotonic()
        if len(answer.leases) > 1:
            self._in_hand_together(answer.leases)
        else:
            for lease in answer.leases:
                self._in_hand(lease)
        if answer.leases:
            self._portion.took(len(answer.leases), time.monotonic() - begun)
        if answer.leaving:
            self._stopping.wait(_LEAVING_SECONDS)  # there may be work: to wait for it would return at once
        elif answer.held_back:
            self._stopping.wait(_HELD_BACK_SECONDS)
        elif not answer.leases:
            self._idle()
        return bool(answer.leases)

    def _exchange(self, want: int) -> Exchange | None:
        """Acknowledge what is done and claim `want`; None when the queue cannot be reached."""
        parts = self._parts
        try:
            answer = parts.queue.exchange(self._claimant, self._acks, want, MOST_BYTES)
        except (redis.RedisError, ForeignPipeline) as error:
            parts.trouble.queue(error)
            return None
        parts.trouble.queue(None)
        for lease in self._acks:
            parts.observer(Phase.ACKNOWLEDGED, lease.id)
        self._acks = []
        return answer

    def _idle(self) -> None:
        try:
            self._parts.queue.wait(self._parts.queue_timeout_seconds)
        except redis.RedisError as error:
            self._parts.trouble.queue(error)
            self._wait_out_trouble()

    def _in_hand(self, lease: Lease) -> None:
        parts = self._parts
        parts.observer(Phase.CLAIMED, lease.id)
        parts.pulse.beat(self._name, f"batch {lease.id}", parts.batch_timeout_seconds)
        parts.leases.add(lease)
        others = tuple(each for each in self.in_hand if each.id != lease.id)
        self.in_hand = (lease, *others)
        parts.tally.begin()
        begun = time.monotonic()
        verdict: Verdict = Failed("was interrupted")
        try:
            verdict = self._attempt(lease)
        finally:
            # Before the queue is told: a lease that is still kept would look lost once it is acknowledged.
            parts.leases.remove(lease)
            self.in_hand = others
            parts.tally.end(verdict if isinstance(verdict, Done) else None, time.monotonic() - begun)
            parts.traces.ended(lease.id, problem_of(verdict))
        try:
            self._conclude(lease, verdict)
        except redis.RedisError as error:
            # The lease runs out by itself; the ledger already knows what is done.
            parts.trouble.queue(error)

    def _in_hand_together(self, leases: Sequence[Lease]) -> None:
        """Settle small batches in one transaction; those with which that cannot be, one by one."""
        parts, begun = self._parts, time.monotonic()
        parts.pulse.beat(self._name, f"{len(leases)} small batches", parts.batch_timeout_seconds)
        for lease in leases:
            parts.observer(Phase.CLAIMED, lease.id)
            parts.leases.add(lease)
        self.in_hand = tuple(leases)
        parts.tally.begin()
        verdicts: dict[str, Verdict] = {}
        try:
            verdicts = settle_together(parts, leases)
        finally:
            done = [each for each in verdicts.values() if isinstance(each, Done)]
            # Those that are left stay in hand, and kept, until their turn.
            for lease in leases:
                if lease.id in verdicts:
                    parts.leases.remove(lease)
            self.in_hand = tuple(lease for lease in leases if lease.id not in verdicts)
            parts.tally.end_together(done, time.monotonic() - begun)
        self._conclude_together([(lease, verdicts[lease.id]) for lease in leases if lease.id in verdicts])
        try:
            while self.in_hand and not self._stopping.is_set():
                self._next_in_hand()
        finally:
            # It was asked to stop, or stumbled: those that are left are nobody's.
            self._give_back(self.in_hand)

    def _next_in_hand(self) -> None:
        # Each is kept for as long as one batch may take, from its turn on: who waits for it does not hang.
        for lease in self.in_hand:
            self._parts.leases.remove(lease)
        for lease in self.in_hand[1:]:
            self._parts.leases.add(lease)
        self._in_hand(self.in_hand[0])

    def _give_back(self, leases: Sequence[Lease]) -> None:
        """What it did not come to."""
        if not leases:
            return
        for lease in leases:
            self._parts.leases.remove(lease)
        self.in_hand = ()
        try:
            self._parts.queue.hand_back(leases)
        except redis.RedisError as error:
            self._parts.trouble.queue(error)

    def _conclude_together(self, ended: Sequence[tuple[Lease, Verdict]]) -> None:
        for lease, verdict in ended:
            self._parts.traces.ended(lease.id, problem_of(verdict))
        unready = [(lease, verdict.error) for lease, verdict in ended if isinstance(verdict, NotNow)]
        self._acks += [lease for lease, verdict in ended if isinstance(verdict, Done)]
        if not unready:
            if ended:
                self._parts.trouble.sink(None)
                self._pause = _PAUSE_SECONDS
            return
        self._parts.trouble.sink(unready[0][1])
        self._parts.metrics.error("sink")
        try:
            self._parts.queue.hand_back([lease for lease, _ in unready])
        except redis.RedisError as error:
            self._parts.trouble.queue(error)
        self._wait_out_trouble()

    def _attempt(self, lease: Lease) -> Verdict:
        """Clean and commit one batch, and say what came of it. Whatever a batch does to the code that reads it
        costs that batch an attempt, not the worker its life."""
        try:
            batch = decode_batch(lease.payload)
        except BatchVersion as error:
            return NotNow(error)
        except BatchError as error:
            return Forged(str(error))
        if batch.pipeline != self._parts.pipeline:
            return Foreign(f"is of pipeline {batch.pipeline}; this worker runs {self._parts.pipeline}")
        if why := forged(batch, lease.id):
            return Forged(why)
        self._parts.traces.holds(batch)
        try:
            return self._clean_and_commit(batch)
        except UNREADY as error:
            return NotNow(error)
        except BatchForged as error:
            return Forged(str(error))
        except TooManyRejected as error:
            return Held(str(error))
        except Exception as error:
            log.exception("batch failed", extra={"batch": lease.id, "object": batch.uri})
            return Failed(f"{type(error).__name__}: {error}")

    def _clean_and_commit(self, batch: Batch) -> Verdict:
        parts = self._parts
        cleaned = parts.plans.of(batch.revision).clean(batch)
        parts.observer(Phase.CLEANED, batch.id)
        begun = time.monotonic()
        outcome = parts.sink.commit(batch, cleaned, worker=parts.worker_id, observer=parts.observer)
        commit_seconds = time.monotonic() - begun
        parts.trouble.sink(None)
        self._pause = _PAUSE_SECONDS
        if outcome.kind is CommitKind.COMMITTED and outcome.counts:
            parts.metrics.settled(outcome.counts)
            if log.isEnabledFor(logging.DEBUG):
                log.debug(
                    "batch settled",
                    extra={"batch": batch.id, "uri": batch.uri, **msgspec.structs.asdict(outcome.counts)},
                )
            return Done(outcome.counts.read, commit_seconds)
        log.log(
            logging.WARNING if outcome.kind is CommitKind.UNKNOWN_BATCH else logging.INFO,
            "batch needs nothing more",
            extra={"batch": batch.id, "why": outcome.kind.value},
        )
        return Done(0, commit_seconds)

    def _conclude(self, lease: Lease, verdict: Verdict) -> None:
        parts = self._parts
        match verdict:
            case Done():
                self._acks.append(lease)
            case NotNow(error):
                parts.trouble.sink(error)
                parts.metrics.error("sink")
                parts.queue.hand_back([lease])
                self._wait_out_trouble()
            case Failed(why):
                parts.metrics.error("batch")
                outcome = parts.queue.retry(lease, why)
                if outcome.state is RetryState.DEAD:
                    self._record_death(lease.id, why, outcome.attempts)
            case Held(why):
                if parts.queue.bury(lease, why):
                    log.warning("batch waits for a person", extra={"batch": lease.id, "why": why})
                    self._mark_dead(lease.id, why, lease.attempts)
            case Foreign(why):
                parts.metrics.error("foreign")
                log.error(
                    "batch of another pipeline, given back: give each pipeline a spec.queue.name of its own",
                    extra={"batch": lease.id, "why": why},
                )
                parts.queue.hand_back([lease])
                self._wait_out_trouble()
            case Forged(why):
                parts.metrics.error("forged")
                log.error(
                    "batch is not what the fetcher cut: taken out of the queue, to be read from its source again",
                    extra={"batch": lease.id, "why": why},
                )
                self._acks.append(lease)

    def _record_death(self, batch_id: str, why: str, attempts: int) -> None:
        """In the ledger, at once where it can be reached; else the undertaker does it later."""
        log.error("batch is dead", extra={"batch": batch_id, "attempts": attempts, "why": why})
        self._mark_dead(batch_id, why, attempts)

    def _mark_dead(self, batch_id: str, why: str, attempts: int) -> None:
        try:
            self._parts.ledger.mark_dead(batch_id, why, attempts)
        except SinkUnavailable as error:
            self._parts.trouble.sink(error)

    def _wait_out_trouble(self) -> None:
        """Pause, twice as long each time up to a few seconds, or until asked to stop."""
        self._parts.pulse.beat(self._name, "waiting for queue or sink")
        self._stopping.wait(self._pause)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE_SECONDS)


class WorkerLoop:
    """The internal workers of a process."""

    def __init__(self, parts: Parts, concurrency: int) -> None:
        self._stopping = threading.Event()
        self._workers = [Worker(parts, f"worker-{n + 1}", self._stopping) for n in range(concurrency)]
        self._threads = [threading.Thread(target=each.run, name=each._name, daemon=True) for each in self._workers]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def request_stop(self) -> None:
        """Each worker finishes its batch and takes no other."""
        self._stopping.set()

    def join(self, grace_seconds: float) -> bool:
        """Wait for the workers; False where one still holds a batch when the grace is over."""
        deadline = time.monotonic() + grace_seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def in_hand(self) -> list[Lease]:
        """The leases of the batches that are being worked on."""
        return [lease for each in self._workers for lease in each.in_hand]

    @property
    def alive(self) -> bool:
        """Whether no internal worker has ended by itself."""
        started = [thread for thread in self._threads if thread.ident is not None]
        return self._stopping.is_set() or all(thread.is_alive() for thread in started)
