"""Which troubles are news to somebody: told once, again after a while, and when they are over. Pure.

What comes back soon after it was told to be over is told again no sooner than an hour after it was told before, and so
is what grows: whatever flaps, a service has at most a message an hour from each trouble.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

import msgspec

from dcp_cli.notify.troubles import Situation, Trouble
from dcp_pipeline.spec.expectations.notify import Kind

QUIET_SECONDS = 3600.0


class News(StrEnum):
    """What is new about a trouble."""

    BEGAN = "NEW"
    LASTS = "STILL"
    GREW = "MORE"
    OVER = "OVER"


class Entry(msgspec.Struct, frozen=True):
    """What somebody knows of one trouble. Times are seconds since the epoch."""

    kind: Kind
    text: str
    since: float
    told_at: float | None = None
    """When it was told last; None: not yet."""
    count: int = 0
    """What was told."""
    quiet_until: float = 0.0
    """It came back soon after it was told: it is not told before."""
    over_at: float | None = None
    """It is over, and kept for as long as it may come back unseen."""


class Notice(msgspec.Struct, frozen=True):
    """A line of a message."""

    news: News
    kind: Kind
    text: str
    since: float
    pipelines: int = 1
    """That have it in common."""


Known = Mapping[str, Entry]


def tell(
    known: Known, now_wrong: Situation, on: Collection[Kind], again_seconds: float, now: float, at_once: bool = False
) -> tuple[tuple[Notice, ...], dict[str, Entry]]:
    """What to say, and what is known once it is said. `at_once`: nobody will look again, so nothing is waited for."""
    notices: list[Notice] = []
    after: dict[str, Entry] = {}
    for each in now_wrong.troubles:
        if each.kind not in on:
            continue
        entry = _entry(known.get(each.about), each, now)
        news = _news(entry, each, again_seconds, now, at_once)
        if news is not None:
            notices.append(Notice(news, each.kind, each.text, entry.since))
            entry = msgspec.structs.replace(entry, told_at=now, count=each.count, text=each.text)
        after[each.about] = entry
    for about, entry in known.items():
        if about in after:
            continue
        if entry.kind in now_wrong.known and entry.over_at is None:
            if entry.told_at is not None and "recovered" in on:
                notices.append(Notice(News.OVER, entry.kind, entry.text, entry.since))
            quiet = entry.quiet_until if entry.told_at is None else entry.told_at + QUIET_SECONDS
            entry = msgspec.structs.replace(entry, over_at=now, quiet_until=quiet)
        if entry.over_at is None or now < entry.quiet_until:
            after[about] = entry
    return tuple(notices), after


def _entry(before: Entry | None, trouble: Trouble, now: float) -> Entry:
    if before is not None and before.over_at is None:
        return before
    quiet = before.quiet_until if before is not None else 0.0
    return Entry(trouble.kind, trouble.text, since=now, quiet_until=quiet)


def _news(entry: Entry, trouble: Trouble, again_seconds: float, now: float, at_once: bool) -> News | None:
    if entry.told_at is None:
        settled = at_once or now - entry.since >= trouble.settles_seconds
        return News.BEGAN if settled and now >= entry.quiet_until else None
    if now - entry.told_at >= again_seconds:
        return News.LASTS
    grew = trouble.count > entry.count and now - entry.told_at >= QUIET_SECONDS
    return News.GREW if grew else None
