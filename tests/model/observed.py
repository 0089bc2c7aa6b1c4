"""The keys of a queue as they stand on the server, and as the reference says they should: docs/queue.md's table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import redis

from dcp_pipeline.queue.keys import Keys
from model.reference import Reference


@dataclass(frozen=True)
class JobFields:
    """What a job's hash says."""

    payload: bytes
    priority: int
    sequence: int
    enqueued_at: int
    token: int
    attempts: int
    crashes: int


@dataclass(frozen=True)
class State:
    """All keys of a queue."""

    ready: list[str]
    scheduled: dict[str, int]
    inflight: dict[str, int]
    dead: dict[str, int]
    age: dict[str, int]
    jobs: dict[str, JobFields]
    bytes: int
    dead_bytes: int
    owner: str | None
    claims: set[str]
    awake: bool
    workers: set[str]
    leaving: dict[str, int]
    alone: dict[str, str]
    done: int
    clock: int
    ahead: int


def observed(plain: redis.Redis, name: str) -> State:
    """What stands on the server."""
    keys = Keys(name)
    found = keys_of(plain, name)
    ids = sorted(key.removeprefix("job:") for key in found if key.startswith("job:"))
    pipeline = plain.pipeline(transaction=False)
    for index in (keys.ready, keys.scheduled, keys.inflight, keys.dead, keys.age, keys.workers, keys.leaving):
        pipeline.zrange(index, 0, -1, withscores=True)
    for key in (keys.meta, keys.claims, keys.alone, *(keys.job(each) for each in ids)):
        pipeline.hgetall(key)
    ready, scheduled, inflight, dead, age, workers, leaving, meta, claims, alone, *jobs = pipeline.execute()
    assert found <= {
        "ready",
        "scheduled",
        "inflight",
        "dead",
        "age",
        "workers",
        "vitals",
        "meta",
        "claims",
        "wake",
        "leaving",
        "alone",
    } | {f"job:{each}" for each in ids}
    owner = meta.get(b"pipeline")
    return State(
        ready=[job_id.decode() for job_id, _ in ready],
        scheduled=_scores(scheduled),
        inflight=_scores(inflight),
        dead=_scores(dead),
        age=_scores(age),
        jobs={job_id: _fields(fields) for job_id, fields in zip(ids, jobs, strict=True)},
        bytes=int(meta.get(b"bytes", 0)),
        dead_bytes=int(meta.get(b"dead_bytes", 0)),
        owner=owner.decode() if owner else None,
        claims={worker.decode() for worker in claims},
        awake="wake" in found,
        workers={worker.decode() for worker, _ in workers},
        leaving=_scores(leaving),
        alone={process.decode(): job_id.decode() for process, job_id in alone.items()},
        done=int(meta.get(b"done", 0)),
        clock=int(meta.get(b"clock", 0)),
        ahead=int(meta.get(b"ahead", 0)),
    )


def of_reference(reference: Reference) -> State:
    """What should stand there."""
    jobs, dead = reference.jobs, reference.dead
    return State(
        ready=reference.waiting(),
        scheduled=reference.scheduled,
        inflight=reference.inflight,
        dead=dead,
        age={job_id: job.enqueued_at for job_id, job in jobs.items() if job_id not in dead},
        jobs={
            job_id: JobFields(
                job.payload, job.priority, job.sequence, job.enqueued_at, job.token, job.attempts, job.crashes
            )
            for job_id, job in jobs.items()
        },
        bytes=sum(len(job.payload) for job_id, job in jobs.items() if job_id not in dead),
        dead_bytes=sum(len(jobs[job_id].payload) for job_id in dead),
        owner=reference.owner,
        claims=set(reference.claims),
        awake=bool(reference.ready),
        workers=set(reference.beats),
        leaving=reference.leaving,
        alone=reference.alone,
        done=reference.done,
        clock=reference.clock,
        ahead=reference.ahead,
    )


def keys_of(plain: redis.Redis, name: str) -> set[str]:
    """The keys of a queue and its inbox, without their common prefix."""
    return {key.decode().removeprefix(f"{{{name}}}:") for key in plain.keys(f"*{name}*")}


def _scores(found: list[tuple[bytes, float]]) -> dict[str, int]:
    return {job_id.decode(): int(score) for job_id, score in found}


def _fields(stored: dict[bytes, bytes]) -> JobFields:
    numbers = ("priority", "sequence", "enqueued_at", "token", "attempts", "crashes")
    return JobFields(stored[b"payload"], *(int(stored.get(each.encode(), 0)) for each in numbers))


def texts(reply: Any) -> Any:
    """A reply with its bytes as text."""
    if isinstance(reply, bytes):
        return reply.decode()
    return [texts(each) for each in reply] if isinstance(reply, list | tuple) else reply
