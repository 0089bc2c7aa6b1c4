"""Everything that the operator wants to know of many queues of one server, in one round trip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis
from redis.exceptions import NoScriptError, ResponseError

from dcp_pipeline.observe.report import Report, report_key, reports_of
from dcp_pipeline.queue.keys import Keys
from dcp_pipeline.queue.model import QueueStats, WorkerReport
from dcp_pipeline.queue.scripts import Script
from dcp_pipeline.queue.view import alive, stats_of

_REPLIES = 4
"""For each queue."""


@dataclass(frozen=True)
class Look:
    """One queue at one moment."""

    stats: QueueStats
    reports: Mapping[str, Report]
    """Component -> what it reported last."""
    workers: tuple[WorkerReport, ...]
    """The workers whose last beat still counts, by name."""


def look_at(client: redis.Redis, queues: Sequence[str]) -> dict[str, Look | ResponseError]:
    """What is in each of the queues, or why just this one cannot be read; two round trips where the server has lost its
    scripts. redis' errors that concern all of them pass through."""
    script = Script.load("stats")
    time, *replies = _ask(client, queues, script)
    if any(isinstance(each, NoScriptError) for each in replies):
        client.script_load(script.source)
        time, *replies = _ask(client, queues, script)
    if isinstance(time, Exception):
        raise time
    parts = [replies[n : n + _REPLIES] for n in range(0, len(replies), _REPLIES)]
    return {queue: _look(time, part) for queue, part in zip(queues, parts, strict=True)}


def _look(time: tuple[int, int], replies: Sequence[Any]) -> Look | ResponseError:
    failed = next((each for each in replies if isinstance(each, ResponseError)), None)
    if failed is not None:
        return failed
    stats, report, until, vitals = replies
    return Look(stats_of(stats), reports_of(report), tuple(alive(time, until, vitals)))


def _ask(client: redis.Redis, queues: Sequence[str], script: Script) -> list[Any]:
    pipeline = client.pipeline(transaction=False)
    pipeline.time()
    for queue in queues:
        keys = Keys(queue)
        pipeline.evalsha(script.sha, len(keys.state), *keys.state, keys.job_prefix)
        pipeline.hgetall(report_key(queue))
        pipeline.zrange(keys.workers, 0, -1, withscores=True)
        pipeline.hgetall(keys.vitals)
    return pipeline.execute(raise_on_error=False)
