"""Everything that the operator wants to know of many queues of one server: what is asked, and what is made of the
replies. Pure; the operator's scaling/wire.py sends and reads. Replies come from wherever a spec leads, and are believed
only as far as they have the types that ours have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from dcp_pipeline.observe.report import Report, report_key, reports_of
from dcp_pipeline.queue.keys import Keys
from dcp_pipeline.queue.model import QueueStats, WorkerReport
from dcp_pipeline.queue.view import alive, stats_of

_REPLIES = 4
"""For each queue."""

Count = Annotated[int, Meta(ge=0, lt=2**62)]
_Stats = tuple[Count, Count, Count, Count, Count, Count, Count, Count]


@dataclass(frozen=True)
class Look:
    """One queue at one moment."""

    stats: QueueStats
    reports: Mapping[str, Report]
    """Component -> what it reported last."""
    workers: tuple[WorkerReport, ...]
    """The workers whose last beat still counts, by name."""


def questions(queues: Sequence[str], stats_sha: str) -> list[list[str | int]]:
    """The commands, for one round trip: the time, then four for each queue."""
    commands: list[list[str | int]] = [["TIME"]]
    for queue in queues:
        keys = Keys(queue)
        commands += [
            ["EVALSHA", stats_sha, len(keys.state), *keys.state, keys.job_prefix],
            ["HGETALL", report_key(queue)],
            ["ZRANGE", keys.workers, 0, -1, "WITHSCORES"],
            ["HGETALL", keys.vitals],
        ]
    return commands


def looks_of(queues: Sequence[str], replies: Sequence[Any]) -> dict[str, Look | str]:
    """What is in each of the queues, or why just this one cannot be read. Raises msgspec.ValidationError where the
    time is none: then no Redis answers."""
    seconds, micros = (int(each) for each in msgspec.convert(replies[0], tuple[bytes, bytes]) if _digits(each))
    parts = [replies[n : n + _REPLIES] for n in range(1, len(replies), _REPLIES)]
    return {queue: _look((seconds, micros), part) for queue, part in zip(queues, parts, strict=True)}


def _look(time: tuple[int, int], replies: Sequence[Any]) -> Look | str:
    failed = next((each for each in replies if not isinstance(each, (int, bytes, list, type(None)))), None)
    if failed is not None:
        return str(failed)
    stats, report, until, vitals = replies
    try:
        counts = msgspec.convert(stats, _Stats)
        scores = [(name, float(score)) for name, score in _pairs(until)]
        return Look(
            stats_of(counts), reports_of(dict(_pairs(report))), tuple(alive(time, scores, dict(_pairs(vitals))))
        )
    except (msgspec.ValidationError, ValueError, RecursionError):
        return "what answers there is none of our queues"


def _pairs(reply: Any) -> Iterable[tuple[bytes, bytes]]:
    flat = msgspec.convert(reply, list[bytes])
    return zip(flat[::2], flat[1::2], strict=True)


def _digits(text: bytes) -> bool:
    if not text.isdigit() or len(text) > 18:
        raise msgspec.ValidationError("no time")
    return True
