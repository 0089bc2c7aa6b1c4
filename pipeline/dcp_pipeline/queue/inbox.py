"""The inbox: a plain Redis list that bears the queue's name, in which other programs leave file tasks.

They LPUSH a task and may LLEN; the fetcher takes the oldest from the right, but only once it is registered in the
database: it peeks, registers, then pops what it peeked. What became of a task is told in a hash of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import redis
from redis.exceptions import ResponseError

from dcp_pipeline.queue.keys import Keys
from dcp_pipeline.queue.model import QueueFull
from dcp_pipeline.queue.scripts import Script, out_of_memory


class Inbox:
    """The inbox of the queue `name`. redis.ConnectionError and redis.TimeoutError pass through."""

    def __init__(self, redis: redis.Redis, name: str) -> None:
        self.name = name
        self.keys = Keys(name)
        self._redis = redis
        self._pop_if = Script.load("pop_if", with_common=False)
        self._put_task = Script.load("put_task", with_common=False)
        self._expire_task = Script.load("expire_task", with_common=False)

    def push(self, task_json: str | bytes) -> int:
        """Leave a task, as `redis-cli LPUSH` would. Returns the list's length. Raises QueueFull at maxmemory."""
        try:
            return self._redis.lpush(self.keys.inbox, task_json)
        except ResponseError as error:
            if out_of_memory(error):
                raise QueueFull("Redis has reached its maxmemory and takes no task") from error
            raise

    def peek(self) -> bytes | None:
        """The oldest task, left where it is; None when there is none."""
        return cast(bytes | None, self._redis.lindex(self.keys.inbox, -1))

    def pop_if(self, raw: bytes) -> bool:
        """Remove the oldest task if it is still `raw`. Two who peeked the same cannot both remove it, unless the
        same bytes were left twice."""
        return bool(self._pop_if.run(self._redis, (self.keys.inbox,), (raw,)))

    def length(self) -> int:
        """Tasks that wait to be absorbed."""
        return self._redis.llen(self.keys.inbox)

    def put_task(self, task_id: str, mapping: Mapping[str, str | int | float]) -> None:
        """Set fields of what other programs may read about a task. It keeps the expiry it has."""
        fields = [str(part) for pair in mapping.items() for part in pair]
        self._put_task.run(self._redis, self._task_keys(task_id), (task_id, *fields))

    def expire_task(self, task_id: str, ttl_seconds: float) -> bool:
        """Forget a finished task after so long, in whole seconds. Returns False when it is unknown."""
        seconds = max(1, math.ceil(ttl_seconds))
        return bool(self._expire_task.run(self._redis, self._task_keys(task_id), (task_id, seconds)))

    def task(self, task_id: str) -> dict[str, str]:
        """What is known about a task; empty when nothing is."""
        fields = cast(dict[bytes, bytes], self._redis.hgetall(self.keys.task(task_id)))
        return {name.decode(): value.decode(errors="replace") for name, value in fields.items()}

    def task_ids(self, limit: int = 100) -> list[str]:
        """Tasks that are remembered: unfinished ones first, then by how long they are kept."""
        seconds, _ = self._redis.time()
        found = self._redis.zrange(self.keys.tasks, "+inf", f"({seconds}", desc=True, byscore=True, offset=0, num=limit)
        return [task_id.decode() for task_id in cast(list[bytes], found)]

    def requests(self, limit: int = 1000) -> dict[str, bytes]:
        """Remembered tasks, by their ids, as they were left: the newest ones."""
        ids = self.task_ids(limit)
        pipeline = self._redis.pipeline(transaction=False)
        for task_id in ids:
            pipeline.hget(self.keys.task(task_id), "raw")
        left = pipeline.execute() if ids else []
        return {task_id: raw for task_id, raw in zip(ids, left, strict=True) if raw is not None}

    def drop(self) -> None:
        """Remove the list, the tasks and their index."""
        while found := cast(list[bytes], self._redis.zrange(self.keys.tasks, 0, 499)):
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.delete(*(self.keys.task(task_id.decode()) for task_id in found))
            pipeline.zrem(self.keys.tasks, *found)
            pipeline.execute()
        self._redis.delete(self.keys.inbox)

    def _task_keys(self, task_id: str) -> tuple[str, str]:
        return self.keys.task(task_id), self.keys.tasks
