"""The queue: every way in which a job changes its state. docs/queue.md draws them.

A method is the contract, the script of its name in lua/ the implementation: one atomic call, by Redis' clock.
leases.py keeps leases alive while they are worked on; view.py is what only looks.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence

import msgspec
import redis

from dcp_pipeline.queue.connection import UNREACHABLE
from dcp_pipeline.queue.model import (
    Exchange,
    ForeignPipeline,
    Job,
    Lease,
    Mended,
    RetryOutcome,
    RetryState,
    WorkerVitals,
)
from dcp_pipeline.queue.policy import RetryPolicy, backoff_seconds
from dcp_pipeline.queue.scripts import Script
from dcp_pipeline.queue.view import QueueView, at, chunks

ENQUEUE_BYTES = 4 * 1024 * 1024
"""Payloads sent in one call: also what a queue may hold beyond maxmemory."""
CLAIM_BYTES = 64 * 1024 * 1024
"""Payloads after which a claim stops, however many jobs were wanted."""
LONGEST_NAP_SECONDS = 1.0
"""How long a lost wake-up may go unnoticed."""
ERROR_CHARS = 2000
MENDED_AT_ONCE = 1000
"""Jobs compared in one call."""

_SCRIPTS = (
    "enqueue",
    "exchange",
    "extend",
    "retry",
    "hand_back",
    "requeue_dead",
    "forget",
    "mend",
    "own",
    "present",
    "drop",
    "due",
    "set_progress",
)


class Queue(QueueView):
    """The queue `name` on a Redis or Valkey >= 6.2, from a client that answers in bytes (see connect).

    Thread-safe, as the client is. redis.ConnectionError and redis.TimeoutError pass through (UNREACHABLE); every
    method may be repeated then: a call that was carried out, with its reply lost, is not carried out twice.
    """

    def __init__(
        self,
        redis: redis.Redis,
        name: str,
        *,
        lease_seconds: float = 30,
        policy: RetryPolicy | None = None,
        pipeline: str = "",
        rng: random.Random | None = None,
    ) -> None:
        """`pipeline`: whose batches this process works on; empty: whatever is there."""
        super().__init__(redis, name)
        self.pipeline = pipeline
        self.lease_seconds = lease_seconds
        self.policy = policy or RetryPolicy()
        self._rng = rng or secrets.SystemRandom()
        self._scripts = {script: Script.load(script) for script in _SCRIPTS}
        self._beat = Script.load("beat", with_common=False)
        self._unanswered: dict[str, str] = {}

    def enqueue(self, jobs: Sequence[Job], delay_seconds: float = 0) -> int:
        """Take in jobs; ids that are there in any state, dead ones included, are left as they are.

        Returns how many were new. Raises QueueFull when Redis is out of memory (a part may be in: repeat it
        later), ForeignPipeline for jobs of another pipeline than the queue's.
        """
        added = 0
        for pipeline, chunk in _by_pipeline_and_size(jobs):
            arguments: list[str | bytes | int] = [pipeline, _microseconds(delay_seconds)]
            for job in chunk:
                arguments += (job.id, job.priority, job.payload)
            count, owner = self._run(self._scripts["enqueue"], *arguments)
            if owner is not None:
                raise self._foreign(owner, pipeline)
            added += int(count)
        return added

    def own(self) -> None:
        """Make the queue this pipeline's, unless it is somebody's already. Raises ForeignPipeline."""
        if not self.pipeline:
            return
        owner = self._run(self._scripts["own"], self.pipeline)
        if owner.decode() != self.pipeline:
            raise self._foreign(owner, self.pipeline)

    def mend(self) -> Mended:
        """Compare the indexes with each other and with the jobs, and put back what is missing in one of them. Cheap
        while nothing is: a few milliseconds for a thousand jobs."""
        gone, back, start, more = 0, 0, 0, True
        while more:
            found = self._run(self._scripts["mend"], start, MENDED_AT_ONCE)
            gone, back, start, more = gone + found[0], back + found[1], start + MENDED_AT_ONCE, bool(found[2])
        return Mended(gone, back)

    def present(self, ids: Sequence[str]) -> frozenset[str]:
        """Which of these ids the queue knows, in any state, dead ones included; one that no index has is put back."""
        known: list[str] = []
        for chunk in chunks(ids):
            found = self._run(self._scripts["present"], *chunk)
            known += [job_id for job_id, there in zip(chunk, found, strict=True) if there]
        return frozenset(known)

    def exchange(self, worker: str, acks: Sequence[Lease], want: int, most_bytes: int = CLAIM_BYTES) -> Exchange:
        """Hand in what is done, take up to `want` jobs: one call for up to 500 acknowledgements.

        On the way it makes due jobs ready and takes back expired leases, so a queue with a worker needs no
        other caretaker. Fewer than `want` come where that is all, or where their payloads exceed `most_bytes`. When it
        raises one of UNREACHABLE, call it again for the same worker: what it may have claimed comes then.

        Raises ForeignPipeline where the queue belongs to another pipeline: nothing was claimed.
        """
        parts = list(chunks(acks)) or [()]
        replies = [self._exchange_part(worker, part, 0, most_bytes) for part in parts[:-1]]
        replies.append(self._exchange_part(worker, parts[-1], want, most_bytes))
        return Exchange(
            leases=replies[-1].leases,
            acknowledged=frozenset().union(*(reply.acknowledged for reply in replies)),
            stale=frozenset().union(*(reply.stale for reply in replies)),
            died=frozenset().union(*(reply.died for reply in replies)),
            leaving=replies[-1].leaving,
            held_back=replies[-1].held_back,
        )

    def wait(self, timeout_seconds: float) -> None:
        """Sleep until an exchange may find something to do, at most so long. It may return early for nothing."""
        deadline = time.monotonic() + timeout_seconds
        while (due_us := int(self._run(self._scripts["due"]))) != 0:
            remaining_seconds = deadline - time.monotonic()
            if remaining_seconds <= 0:
                return
            nap_seconds = min(remaining_seconds, LONGEST_NAP_SECONDS)
            if due_us > 0:
                nap_seconds = min(nap_seconds, due_us / 1_000_000)
            # To BLPOP, 0 would mean for ever.
            if self._redis.blpop([self.keys.wake], timeout=max(nap_seconds, 0.01)):
                return

    def extend(self, leases: Sequence[Lease]) -> frozenset[str]:
        """Renew leases for lease_seconds from now. Returns the ids that are lost: given away, done, or wiped."""
        lost: list[bytes] = []
        for chunk in chunks(leases):
            deadline = _microseconds(self.lease_seconds)
            lost += self._run(self._scripts["extend"], deadline, *_id_and_token(chunk))
        return _ids(lost)

    def retry(self, lease: Lease, error: str) -> RetryOutcome:
        """Count a failure: tried again after a backoff, at its old place, or dead at the policy's max_attempts."""
        delay_seconds = backoff_seconds(self.policy, lease.attempts + 1, self._rng)
        return self._fail(lease, error, delay_seconds, self.policy.max_attempts)

    def bury(self, lease: Lease, reason: str) -> bool:
        """Give up a job that no retry would help. Returns False, and does nothing, when the lease is lost."""
        return self._fail(lease, reason, 0, 0).state is RetryState.DEAD

    def hand_back(self, leases: Sequence[Lease]) -> None:
        """Return jobs unharmed, to their old place: no attempt is counted. Lost leases are left alone."""
        for chunk in chunks(leases):
            self._run(self._scripts["hand_back"], *_id_and_token(chunk))

    def requeue_dead(self, ids: Sequence[str]) -> int:
        """Give dead jobs another life, behind those of their priority. Returns how many were dead."""
        return sum(int(self._run(self._scripts["requeue_dead"], *chunk)) for chunk in chunks(ids))

    def purge_dead(self, ids: Sequence[str]) -> int:
        """Remove dead jobs with their bytes. Returns how many were dead."""
        return sum(int(self._run(self._scripts["forget"], "dead", *chunk)) for chunk in chunks(ids))

    def forget(self, ids: Sequence[str]) -> int:
        """Remove jobs in whatever state, for the ledger says that they are done. Returns how many there were."""
        return sum(int(self._run(self._scripts["forget"], "any", *chunk)) for chunk in chunks(ids))

    def set_progress(self, lease: Lease, done: int, total: int) -> bool:
        """Tell how far a job is. Returns False when the lease is lost."""
        return bool(self._run(self._scripts["set_progress"], lease.id, lease.token, done, total))

    def beat(self, worker: str, vitals: WorkerVitals, ttl_seconds: float = 30) -> None:
        """A worker's sign of life, valid for so long. All workers of a queue use the same ttl_seconds."""
        keys = (self.keys.workers, self.keys.vitals)
        self._beat.run(self._redis, keys, (worker, msgspec.json.encode(vitals), round(ttl_seconds * 1000)))

    def drop(self) -> None:
        """Remove the queue: jobs, dead ones included, owner and workers. The inbox is Inbox.drop()'s."""
        while int(self._run(self._scripts["drop"], 500)):
            pass
        self._redis.delete(self.keys.workers, self.keys.vitals)

    def _exchange_part(self, worker: str, acks: Sequence[Lease], want: int, most_bytes: int) -> Exchange:
        # A claim keeps its nonce until it was answered: if it was carried out already, the same leases come again.
        nonce = self._unanswered.pop(worker, None) or secrets.token_hex(8)
        lease_us = _microseconds(self.lease_seconds)
        arguments = (worker, nonce, lease_us, want, self.policy.max_crashes, most_bytes, self.pipeline)
        try:
            answer = self._run(self._scripts["exchange"], *arguments, *_id_and_token(acks))
        except UNREACHABLE:
            self._unanswered[worker] = nonce
            raise
        stale, died, leases, why, owner = answer
        if owner is not None:
            raise self._foreign(owner, self.pipeline)
        stale_ids = _ids(stale)
        return Exchange(
            leases=_leases(leases),
            acknowledged=frozenset(lease.id for lease in acks) - stale_ids,
            stale=stale_ids,
            died=_ids(died),
            leaving=why == b"leaving",
            held_back=why == b"alone",
        )

    def _foreign(self, owner: bytes, pipeline: str) -> ForeignPipeline:
        return ForeignPipeline(
            f"queue {self.name} belongs to pipeline {owner.decode()}, not {pipeline}: give each pipeline a "
            "spec.queue.name of its own"
        )

    def _fail(self, lease: Lease, reason: str, delay_seconds: float, max_attempts: int) -> RetryOutcome:
        state, attempts, moment_us = self._run(
            self._scripts["retry"],
            lease.id,
            lease.token,
            _microseconds(delay_seconds),
            max_attempts,
            reason[:ERROR_CHARS].encode(errors="replace"),
        )
        outcome = RetryState(state.decode())
        return RetryOutcome(outcome, int(attempts), None if outcome is RetryState.LOST else at(moment_us))


def _by_pipeline_and_size(jobs: Sequence[Job]) -> Iterator[tuple[str, list[Job]]]:
    """The jobs in their order, in runs of one pipeline that are small enough for one call."""
    run: list[Job] = []
    size_bytes = 0
    for job in jobs:
        full = len(run) >= 500 or size_bytes + len(job.payload) > ENQUEUE_BYTES
        if run and (full or job.pipeline != run[0].pipeline):
            yield run[0].pipeline, run
            run, size_bytes = [], 0
        run.append(job)
        size_bytes += len(job.payload)
    if run:
        yield run[0].pipeline, run


def _id_and_token(leases: Iterable[Lease]) -> Iterator[str | int]:
    for lease in leases:
        yield lease.id
        yield lease.token


def _leases(raw: Sequence[bytes]) -> tuple[Lease, ...]:
    return tuple(
        Lease(job_id.decode(), payload, *map(int, counts.split()))
        for job_id, counts, payload in zip(raw[::3], raw[1::3], raw[2::3], strict=True)
    )


def _ids(raw: Iterable[bytes]) -> frozenset[str]:
    return frozenset(job_id.decode() for job_id in raw)


def _microseconds(seconds: float) -> int:
    return round(seconds * 1_000_000)
