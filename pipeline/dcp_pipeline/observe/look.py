"""Everything that the operator wants to know of many queues of one server: what is asked, and what is made of the
replies. Pure; the operator's scaling/wire.py sends and reads. Replies come from wherever a spec leads, and are believed
only as far as they have the types that ours have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from dcp_pipeline.observe.report import Report, report_key, reports_of
from dcp_pipeline.queue.keys import Keys
from dcp_pipeline.queue.model import QueueStats, WorkerReport
from dcp_pipeline.queue.view import alive, stats_of

REPLIES = 4
"""For each queue: stats, reports, workers' beats, workers' vitals."""
_COMMANDS = ("EVALSHA", "HGETALL", "ZRANGE", "HGETALL")
"""By which they are asked for."""
MOST_WORKERS = 3000
"""Of one queue: three times the most that a spec may ask for."""
Time = tuple[int, int]
"""Redis' clock: seconds and microseconds."""

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


def time_of(reply: Any) -> Time:
    """The server's time. Raises msgspec.ValidationError where it is none: then no Redis answers."""
    seconds, micros = (int(each) for each in msgspec.convert(reply, tuple[bytes, bytes]) if _digits(each))
    return seconds, micros


def look_of(time: Time, replies: Sequence[Any]) -> Look | str:
    """What is in a queue, or why just this one cannot be read."""
    for command, reply in zip(_COMMANDS, replies, strict=True):
        if not isinstance(reply, (int, bytes, list, type(None))):
            told = str(reply)
            return f"{told} ({command})" if told.endswith("NOPERM") else told
    stats, report, until, vitals = replies
    try:
        counts = msgspec.convert(stats, _Stats)
        scores = [(name, float(score)) for name, score in _pairs(until)]
        workers = islice(alive(time, scores, dict(_pairs(vitals))), MOST_WORKERS)
        return Look(stats_of(counts), _reports(report), tuple(workers))
    except (msgspec.ValidationError, ValueError, RecursionError):
        return "what answers there is none of our queues"


def reports_said(reply: Any) -> Mapping[str, Report] | None:
    """The reports alone; None where the reply is none of ours."""
    try:
        return _reports(reply) if isinstance(reply, list) else None
    except (msgspec.ValidationError, ValueError, RecursionError):
        return None


def _reports(reply: Any) -> Mapping[str, Report]:
    return reports_of(dict(_pairs(reply)))


def _pairs(reply: Any) -> Iterable[tuple[bytes, bytes]]:
    flat = msgspec.convert(reply, list[bytes])
    return zip(flat[::2], flat[1::2], strict=True)


def _digits(text: bytes) -> bool:
    if not text.isdigit() or len(text) > 18:
        raise msgspec.ValidationError("no time")
    return True
