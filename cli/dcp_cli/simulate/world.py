"""The queue and the pods, event by event: what all autoscalers share, so that only their decisions differ.

Batches wait in one line, each is held by one slot of one pod for its service time. A new pod takes batches once it
has started. A pod that is told to go finishes what it holds, as our workers do, and takes no more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush


@dataclass(frozen=True)
class Physics:
    """What pods and batches are like. Times in seconds."""

    service_seconds: float = 1.0
    concurrency: int = 1
    startup_seconds: float = 3.0
    stop_seconds: float = 1.0
    """From the last batch in hand to the pod's end."""
    sink_rate: Callable[[float], float] | None = None
    """Batches per second that the sink can take at a time; None: any number."""


@dataclass(frozen=True)
class Seen:
    """What an autoscaler can see."""

    waiting: int
    in_flight: int
    done: int
    wanted: int
    ready: int


@dataclass(eq=False)
class _Pod:
    created: float
    ready_at: float | None = None
    leaving: bool = False
    busy: int = 0


@dataclass
class Tally:
    """What came of it. Times in seconds."""

    starts: list[float] = field(default_factory=list)
    """When each batch was taken, in the order of arrival."""
    changes: list[tuple[float, int]] = field(default_factory=list)
    """When how many pods were wanted."""
    pod_seconds: float = 0.0
    stopped_busy: int = 0
    """Pods that were told to go while they held a batch."""
    last_done: float = 0.0
    gone_at: float = 0.0
    """When a pod last ended."""


class World:
    """`advance` lets time pass, `scale` changes what is wanted, `seen` is what an autoscaler sees."""

    def __init__(self, arrivals: Sequence[float], physics: Physics, idle_first: bool) -> None:
        self._arrivals, self._physics, self._idle_first = arrivals, physics, idle_first
        self._arrived = self._done = self._busy = self._ready = self._sequence = 0
        self._pods: list[_Pod] = []
        self._leaving: set[_Pod] = set()
        self._free: list[_Pod] = []
        """A pod stands here once for each slot that has nothing to do; one that left since is skipped."""
        self._events: list[tuple[float, int, _Pod]] = []
        self.tally = Tally()

    def seen(self) -> Seen:
        waiting = self._arrived - len(self.tally.starts)
        return Seen(waiting, self._busy, self._done, len(self._pods), self._ready)

    def oldest_age(self, now: float) -> float:
        """How long the batch at the head of the line has waited; 0 without one."""
        head = len(self.tally.starts)
        return now - self._arrivals[head] if head < self._arrived else 0.0

    def advance(self, until: float) -> None:
        """Let everything happen that happens until then."""
        arrivals, events = self._arrivals, self._events
        total, never = len(arrivals), until + 1.0
        while True:
            arrival = arrivals[self._arrived] if self._arrived < total else never
            if events and events[0][0] <= arrival:
                at = events[0][0]
                if at > until:
                    return
                self._happens(at, heappop(events)[2])
            elif arrival <= until:
                at = arrival
                self._arrived += 1
            else:
                return
            if self._free and self._arrived > len(self.tally.starts):
                self._take(at)

    def scale(self, now: float, wanted: int) -> None:
        """Have so many pods from now on."""
        there = len(self._pods)
        if wanted == there:
            return
        self.tally.changes.append((now, wanted))
        for _ in range(wanted - there):
            pod = _Pod(now)
            self._pods.append(pod)
            self._at(now + self._physics.startup_seconds, pod)
        if wanted < there:
            for pod in sorted(self._pods, key=self._goes_first)[: there - wanted]:
                self._send_away(now, pod)

    def finish(self, end: float) -> None:
        """Let the time pass until the end, and count the pods that are left."""
        self.advance(end)
        self.tally.pod_seconds += sum(end - pod.created for pod in (*self._pods, *self._leaving))

    def _goes_first(self, pod: _Pod) -> tuple[bool, bool, float]:
        """As the ReplicaSet controller chooses: those that are not ready, by pod-deletion-cost, the newest."""
        return (pod.ready_at is not None, self._idle_first and pod.busy > 0, -(pod.ready_at or 0.0))

    def _send_away(self, now: float, pod: _Pod) -> None:
        pod.leaving = True
        self._pods.remove(pod)
        self._ready -= pod.ready_at is not None
        self._leaving.add(pod)
        if pod.busy:
            self.tally.stopped_busy += 1
        else:
            self._gone(now, pod)

    def _gone(self, now: float, pod: _Pod) -> None:
        self._leaving.discard(pod)
        self.tally.gone_at = now + self._physics.stop_seconds
        self.tally.pod_seconds += self.tally.gone_at - pod.created

    def _at(self, when: float, pod: _Pod) -> None:
        self._sequence += 1
        heappush(self._events, (when, self._sequence, pod))

    def _happens(self, now: float, pod: _Pod) -> None:
        """A pod has started, or has done a batch."""
        if pod.ready_at is None:
            pod.ready_at = now
            if not pod.leaving:
                self._ready += 1
                self._free += [pod] * self._physics.concurrency
            return
        pod.busy -= 1
        self._busy -= 1
        self._done += 1
        self.tally.last_done = now
        if not pod.leaving:
            self._free.append(pod)
        elif not pod.busy:
            self._gone(now, pod)

    def _take(self, now: float) -> None:
        """Have free slots take what waits."""
        starts, free = self.tally.starts, self._free
        while free and len(starts) < self._arrived:
            pod = free.pop()
            if not pod.leaving:
                starts.append(now)
                pod.busy += 1
                self._busy += 1
                self._at(now + self._service(now), pod)

    def _service(self, now: float) -> float:
        seconds, sink_rate = self._physics.service_seconds, self._physics.sink_rate
        return max(seconds, self._busy / sink_rate(now)) if sink_rate else seconds
