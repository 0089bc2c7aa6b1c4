"""The queue's scripts once more, in plain Python: what each one's first comment and docs/queue.md say it does.

Whatever the server carried out is carried out here too, so lost requests and replies need no rules of their own: a
reply that differs, or another state behind it, is a failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dcp_pipeline.queue.scripts import Script

_OF_THE_QUEUE = (
    "enqueue", "exchange", "extend", "retry", "hand_back", "requeue_dead", "forget", "drop", "due",
    "set_progress", "stats", "ready_by_priority", "ask_to_go", "own", "present", "mend",
)  # fmt: skip
DIGESTS = {Script.load(name).sha: name for name in _OF_THE_QUEUE} | {Script.load("beat", with_common=False).sha: "beat"}
"""The scripts' names by their digests."""


@dataclass
class RefJob:
    """What the server knows of a job, apart from its state."""

    payload: bytes
    priority: int
    sequence: int
    enqueued_at: int
    token: int = 0
    worker: str = ""
    attempts: int = 0
    crashes: int = 0
    ended: int = 0
    alone: int = 0
    """The token of the lease with which it was tried alone."""
    progress: tuple[int, int] | None = None


@dataclass
class Reference:
    """The whole state of a queue. Times in microseconds."""

    jobs: dict[str, RefJob] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)
    scheduled: dict[str, int] = field(default_factory=dict)
    inflight: dict[str, int] = field(default_factory=dict)
    dead: dict[str, int] = field(default_factory=dict)
    claims: dict[str, tuple[str, list[tuple[str, int]]]] = field(default_factory=dict)
    beats: dict[str, int] = field(default_factory=dict)
    beats_until: int = 0
    """When the server expires all beats, in milliseconds."""
    leaving: dict[str, int] = field(default_factory=dict)
    """Processes that were asked to go, and until when that counts, by the queue's time."""
    leaving_until: int = 0
    """When the server expires them, by its own clock."""
    alone: dict[str, str] = field(default_factory=dict)
    """Which job a process holds alone."""
    owner: str | None = None
    sequence: int = 0
    done: int = 0
    clock: int = 0
    """The queue's latest time, and how far it is ahead of the server's."""
    ahead: int = 0
    server_now: int = 0
    remembers: bool = False
    """The script under way has the time remembered."""

    def carry_out(self, name: str, arguments: Sequence[Any], now: int) -> Any:
        """The reply of a script; `arguments` as they were sent."""
        if name == "beat":
            return self._beat(str(arguments[0]), int(arguments[2]), now)
        texts = [each.decode() if isinstance(each, bytes) and name != "enqueue" else each for each in arguments[1:]]
        self.server_now = now
        queue_now = now if now >= self.clock else max(now + self.ahead, self.clock)
        reply = getattr(self, f"_{name}")(queue_now, *texts)
        if self.remembers:
            self.clock, self.ahead, self.remembers = queue_now, queue_now - now, False
        if not (set(self.jobs) - set(self.dead)) and name != "drop":
            self.sequence = self.clock = self.ahead = 0
        return reply

    def time_passed(self, now: int) -> None:
        """What the server expires by itself is gone, even if its clock is set back later."""
        if self.beats_until <= now // 1000:
            self.beats = {}
        if self.leaving_until <= now:
            self.leaving = {}

    def waiting(self) -> list[str]:
        """The ready jobs, first served first."""
        return sorted(self.ready, key=lambda each: (self.jobs[each].priority, self.jobs[each].sequence))

    def holds(self, job_id: str, token: int) -> bool:
        return job_id in self.inflight and self.jobs[job_id].token == int(token)

    def _next_sequence(self) -> int:
        self.sequence += 1
        return self.sequence

    def _end_lease(self, job_id: str) -> None:
        self.inflight.pop(job_id, None)
        worker = self.jobs[job_id].worker
        self.claims.pop(worker, None)
        if self.alone.get(worker) == job_id:
            del self.alone[worker]

    def _remove(self, job_id: str) -> None:
        del self.jobs[job_id]
        self.ready.discard(job_id)
        for state in (self.scheduled, self.inflight, self.dead):
            state.pop(job_id, None)

    def _enqueue(self, now: int, pipeline: str, delay_us: int, *jobs: Any) -> list[Any]:
        if pipeline and self.owner not in (None, pipeline):
            return [0, self.owner]
        self.owner = pipeline or self.owner
        added, self.remembers = 0, True
        for job_id, priority, payload in zip(jobs[::3], jobs[1::3], jobs[2::3], strict=True):
            if job_id not in self.jobs:
                self.jobs[job_id] = RefJob(payload, int(priority), self._next_sequence(), now)
                added += 1
                if int(delay_us) > 0:
                    self.scheduled[job_id] = now + int(delay_us)
                else:
                    self.ready.add(job_id)
        return [added, None]

    def _exchange(self, now: int, worker: str, nonce: str, lease_us: int, want: int, max_crashes: int,
                  most_bytes: int, pipeline: str, *acks: Any) -> list[Any]:  # fmt: skip
        self.remembers = True
        stale = self._acknowledge(acks)
        owner = self.owner if pipeline and self.owner not in (None, pipeline) else None
        want = 0 if owner else want
        why = "leaving" if want > 0 and self.leaving.get(worker, 0) > now else None
        leases = self._repeat(worker, nonce) if want else []
        self.inflight |= {job_id: now + lease_us for job_id, _ in leases}
        for job_id in [each for each, due in self.scheduled.items() if due <= now]:
            del self.scheduled[job_id]
            self.ready.add(job_id)
        died = list(self._reclaim(now, max_crashes))
        if want and not leases and not why:
            leases, held_back = self._claim(now, worker, want)
            why = "alone" if held_back else None
            self.inflight |= {job_id: now + lease_us for job_id, _ in leases}
        if leases:
            self.claims[worker] = (nonce, leases)
        return [stale, died, [part for job_id, token in leases for part in self._handed(job_id, token)], why, owner]

    def _acknowledge(self, acks: Sequence[Any]) -> list[str]:
        stale, done = [], []
        for job_id, token in _pairs(acks):
            if self.holds(job_id, token):
                done.append(job_id)
            elif job_id in self.jobs:
                stale.append(job_id)
        for job_id in done:
            self._end_lease(job_id)
            self._remove(job_id)
        self.done += len(done)
        return stale

    def _repeat(self, worker: str, nonce: str) -> list[tuple[str, int]]:
        last, leases = self.claims.get(worker, ("", []))
        return [lease for lease in leases if last == nonce and self.holds(*lease)]

    def _reclaim(self, now: int, max_crashes: int) -> Iterator[str]:
        expired = sorted((deadline, job_id) for job_id, deadline in self.inflight.items() if deadline <= now)
        for _, job_id in expired:
            self._end_lease(job_id)
            job = self.jobs[job_id]
            job.crashes += 1
            if job.crashes >= max_crashes and job.alone == job.token:
                self.dead[job_id] = now
                yield job_id
            else:
                self.ready.add(job_id)

    def _claim(self, now: int, worker: str, want: int) -> tuple[list[tuple[str, int]], bool]:
        """The leases, and whether the worker has to wait for a job to be tried alone."""
        held = self.alone.get(worker)
        if held in self.inflight and self.jobs[held].worker == worker:
            return [], True
        leases: list[tuple[str, int]] = []
        for job_id in self.waiting()[:want]:
            job = self.jobs[job_id]
            holds = any(self.jobs[each].worker == worker for each in self.inflight)
            if job.crashes and (leases or holds):
                return leases, not leases
            job.token, job.worker = max(now, job.token + 1), worker
            self.ready.discard(job_id)
            leases.append((job_id, job.token))
            if job.crashes:
                job.alone, self.alone[worker] = job.token, job_id
                break
        return leases, False

    def _handed(self, job_id: str, token: int) -> tuple[str, str, bytes]:
        job = self.jobs[job_id]
        return job_id, f"{token} {job.attempts} {job.crashes} {job.priority}", job.payload

    def _extend(self, now: int, lease_us: int, *leases: Any) -> list[str]:
        held = {job_id for job_id, token in _pairs(leases) if self.holds(job_id, token)}
        self.inflight |= dict.fromkeys(held, now + lease_us)
        self.remembers = bool(held)
        return [job_id for job_id, _ in _pairs(leases) if job_id not in held]

    def _retry(self, now: int, job_id: str, token: int, delay_us: int, max_attempts: int, _: str) -> list[Any]:
        if not self.holds(job_id, token):
            job = self.jobs.get(job_id)
            if job is None or job.ended != token:
                return ["lost", 0, 0]
            state = "dead" if job_id in self.dead else "scheduled"
            return [state, job.attempts, self.dead.get(job_id) or self.scheduled.get(job_id) or now]
        self.remembers = True
        self._end_lease(job_id)
        job = self.jobs[job_id]
        job.ended, job.attempts = token, job.attempts + 1
        state = self.dead if job.attempts >= max_attempts else self.scheduled
        state[job_id] = now if state is self.dead else now + delay_us
        return ["dead" if state is self.dead else "scheduled", job.attempts, state[job_id]]

    def _hand_back(self, _: int, *leases: Any) -> None:
        for job_id, token in _pairs(leases):
            if self.holds(job_id, token):
                self._end_lease(job_id)
                self.ready.add(job_id)

    def _requeue_dead(self, now: int, *ids: str) -> int:
        dead, self.remembers = [each for each in ids if each in self.dead], True
        for job_id in dead:
            old = self.jobs[job_id]
            self.jobs[job_id] = RefJob(old.payload, old.priority, self._next_sequence(), now, old.token, old.worker)
            del self.dead[job_id]
            self.ready.add(job_id)
        return len(dead)

    def _forget(self, _: int, which: str, *ids: str) -> int:
        going = [each for each in ids if each in (self.jobs if which == "any" else self.dead)]
        for job_id in going:
            if job_id not in self.dead:
                self._end_lease(job_id)
            self._remove(job_id)
        return len(going)

    def _drop(self, _: int, most: int) -> int:
        going = list(self.jobs)[:most]
        for job_id in going:
            self._remove(job_id)
        if not going:
            self.claims, self.leaving, self.alone = {}, {}, {}
            self.owner, self.sequence, self.done, self.clock, self.ahead = None, 0, 0, 0, 0
        return len(going)

    def _due(self, now: int) -> int:
        ahead = [*self.scheduled.values(), *self.inflight.values()]
        return 0 if self.ready else max(0, min(ahead) - now) if ahead else -1

    def _own(self, _: int, pipeline: str) -> str:
        self.owner = self.owner or pipeline
        return self.owner

    def _present(self, _: int, *ids: str) -> list[int]:
        return [int(each in self.jobs) for each in ids]

    def _mend(self, _: int, start: int, most: int) -> list[int]:
        return [0, 0, 0]

    def _set_progress(self, _: int, job_id: str, token: int, done: int, total: int) -> int:
        if not self.holds(job_id, token):
            return 0
        self.jobs[job_id].progress = (done, total)
        return 1

    def _stats(self, now: int) -> list[int]:
        live = [job for job_id, job in self.jobs.items() if job_id not in self.dead]
        return [
            *map(len, (self.ready, self.scheduled, self.inflight, self.dead)),
            sum(len(job.payload) for job in live),
            sum(len(self.jobs[job_id].payload) for job_id in self.dead),
            max(0, now - min(job.enqueued_at for job in live)) if live else 0,
            self.done,
        ]

    def _ask_to_go(self, now: int, duration_us: int, wanted: int, *processes: str) -> list[Any]:
        held = [sum(self.jobs[each].worker == name for each in self.inflight) for name in processes]
        ranks = [
            0 if not count else 1 if name in self.leaving else 2 for name, count in zip(processes, held, strict=True)
        ]
        chosen = sorted(range(len(processes)), key=lambda at: (ranks[at], held[at], at))[:wanted]
        self.leaving = {processes[at]: now + duration_us for at in chosen}
        self.leaving_until = self.server_now + duration_us
        return [part for at in chosen for part in (processes[at], held[at])]

    def _ready_by_priority(self, _: int, limit: int) -> list[list[int]]:
        used = sorted(self.jobs[each].priority for each in self.ready)
        return [[priority, used.count(priority)] for priority in dict.fromkeys(used)][:limit]

    def _beat(self, worker: str, ttl_ms: int, now: int) -> None:
        longest = now // 1000 + ttl_ms
        self.beats = {each: until for each, until in self.beats.items() if now // 1000 < until <= longest}
        self.beats_until = self.beats[worker] = now // 1000 + ttl_ms


def _pairs(flat: Sequence[Any]) -> list[tuple[str, int]]:
    return list(zip(flat[::2], map(int, flat[1::2]), strict=True))
