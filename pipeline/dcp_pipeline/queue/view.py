"""What a queue holds, without changing anything: for status, the autoscaler and the fetcher's flow control.

All of it works above maxmemory too, where Redis refuses MULTI. client.py is the side that moves jobs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import msgspec
import redis

from dcp_pipeline.queue.keys import Keys
from dcp_pipeline.queue.model import DeadLetter, Progress, QueueStats, WorkerReport, WorkerVitals
from dcp_pipeline.queue.scripts import Argument, Script

CHUNK = 500
"""Jobs named in one call: what keeps Redis' single thread busy for a few milliseconds at most."""

T = TypeVar("T")


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """The items, `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def at(microseconds: float) -> datetime:
    """A moment of Redis' clock."""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)


class QueueView:
    """The queue `name`, to look at. redis.ConnectionError and redis.TimeoutError pass through (UNREACHABLE)."""

    def __init__(self, redis: redis.Redis, name: str) -> None:
        self.name = name
        self.keys = Keys(name)
        self._redis = redis
        self._ready_by_priority = Script.load("ready_by_priority")

    def stats(self) -> QueueStats:
        """Counts, bytes and age, in one round trip and of one moment."""
        return read_stats(self._redis, [self.name])[self.name]

    def ready_by_priority(self, limit: int = 100) -> dict[int, int]:
        """Ready jobs of each priority in use, first served first."""
        return {int(priority): int(count) for priority, count in self._run(self._ready_by_priority, limit)}

    def owner(self) -> str | None:
        """The pipeline whose batches the queue takes; None before the first one."""
        owner = cast(bytes | None, self._redis.hget(self.keys.meta, "pipeline"))
        return owner.decode() if owner is not None else None

    def dead_letters(self, offset: int = 0, limit: int = 100) -> list[DeadLetter]:
        """Jobs that were given up, the oldest death first."""
        if limit < 1:
            return []
        found = cast(
            list[tuple[bytes, float]],
            self._redis.zrange(self.keys.dead, offset, offset + limit - 1, withscores=True),
        )
        pipeline = self._redis.pipeline(transaction=False)
        for job_id, _ in found:
            fields = ["reason", "attempts", "crashes", "priority", "bytes"]
            pipeline.hmget(self.keys.job(job_id.decode()), fields)
        return [
            _dead_letter(job_id.decode(), died_at, values)
            for (job_id, died_at), values in zip(found, pipeline.execute(), strict=True)
            if values[4] is not None
        ]

    def dead_payload(self, job_id: str) -> bytes | None:
        """The original bytes of a dead job; None when it is not dead."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.zscore(self.keys.dead, job_id)
        pipeline.hget(self.keys.job(job_id), "payload")
        died_at, payload = pipeline.execute()
        return cast(bytes | None, payload) if died_at is not None else None

    def progress(self, job_id: str) -> Progress | None:
        """What its worker last said; None where nothing was said or the job is gone."""
        done, total = cast(list[bytes | None], self._redis.hmget(self.keys.job(job_id), ["done", "total"]))
        return Progress(int(done), int(total)) if done is not None and total is not None else None

    def workers(self) -> list[WorkerReport]:
        """The workers whose last beat still counts, by name."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.time()
        pipeline.zrange(self.keys.workers, 0, -1, withscores=True)
        pipeline.hgetall(self.keys.vitals)
        return alive(*pipeline.execute())

    def _run(self, script: Script, *arguments: Argument) -> Any:
        return script.run(self._redis, self.keys.state, (self.keys.job_prefix, *arguments))


def read_stats(client: redis.Redis, names: Sequence[str]) -> dict[str, QueueStats]:
    """The stats of many queues of one server, in one round trip; each queue's are of one moment."""
    script = Script.load("stats")
    keys = [Keys(name) for name in names]
    replies = script.run_many(client, [(each.state, (each.job_prefix,)) for each in keys])
    return {name: stats_of(reply) for name, reply in zip(names, replies, strict=True)}


def alive(
    time: tuple[int, int], until_ms: Sequence[tuple[bytes, float]], vitals: Mapping[bytes, bytes]
) -> list[WorkerReport]:
    """The workers whose last beat still counts, by name, from what Redis replied: its time, and the keys `workers`
    and `vitals`. What another release said in words of its own is left out."""
    now_ms = time[0] * 1000 + time[1] / 1000
    found = []
    for name, until in until_ms:
        if until <= now_ms or name not in vitals:
            continue
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found.append(WorkerReport(name.decode(), msgspec.json.decode(vitals[name], type=WorkerVitals)))
    return sorted(found, key=lambda report: report.worker)


def stats_of(reply: Sequence[int]) -> QueueStats:
    """From the reply of lua/stats.lua."""
    ready, scheduled, inflight, dead, size, dead_size, age_us, done = reply
    return QueueStats(ready, scheduled, inflight, dead, size, dead_size, age_us / 1_000_000, done)


def _dead_letter(job_id: str, died_at: float, values: list[bytes | None]) -> DeadLetter:
    reason, attempts, crashes, priority, size = values
    return DeadLetter(
        id=job_id,
        reason=(reason or b"").decode(errors="replace"),
        attempts=int(attempts or 0),
        crashes=int(crashes or 0),
        priority=int(priority or 0),
        payload_bytes=int(size or 0),
        died_at=at(died_at),
    )
