"""The words of a message. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from dcp_cli.notify.telling import News, Notice
from dcp_pipeline.observe.printable import printable

_ORDER = (News.BEGAN, News.GREW, News.LASTS, News.OVER)
_MOST = 30
"""Lines; the sources of a spec are at most 64."""


class Letter(msgspec.Struct, frozen=True):
    """A message. `type` is Apprise's word for how bad it is."""

    title: str
    body: str
    type: Literal["info", "success", "warning", "failure"]


def letter_of(pipeline: str, host: str, spec: str, notices: Sequence[Notice], now: float) -> Letter:
    """One message for all of it."""
    ordered = sorted(notices, key=lambda each: (_ORDER.index(each.news), each.kind, each.text))
    bad = [each for each in ordered if each.news is not News.OVER]
    kinds = ", ".join(dict.fromkeys(each.kind for each in bad or ordered))
    over = "" if bad else " is over"
    shared = min((each.pipelines for each in ordered), default=1)
    who = f"{shared} pipelines" if shared > 1 else pipeline
    lines = [f"{each.news:<5} {each.kind}{_when(each, now)}: {printable(each.text)}" for each in ordered[:_MOST]]
    more = [f"and {len(ordered) - _MOST} more"] if len(ordered) > _MOST else []
    after = [f"dcp status {spec} has the rest."]
    kind: Literal["success", "warning", "failure"] = (
        "success" if not bad else "failure" if any(each.news is News.BEGAN for each in bad) else "warning"
    )
    body = "\n".join([f"{who} on {host}", "", *lines, *more, "", *after])
    return Letter(f"dcp {who}: {kinds}{over}", body, kind)


def trial_of(pipeline: str, host: str) -> Letter:
    """What `dcp notify test` sends."""
    body = f"{pipeline} on {host}\n\nA test: this is where trouble of this pipeline will be told."
    return Letter(f"dcp {pipeline}: test", body, "info")


def _when(notice: Notice, now: float) -> str:
    if notice.news is News.BEGAN:
        return ""
    if notice.news is News.OVER:
        return f" (it lasted {_span(now - notice.since)})"
    return f" (since {datetime.fromtimestamp(notice.since, UTC):%Y-%m-%d %H:%M} UTC)"


def _span(seconds: float) -> str:
    minutes = int(seconds) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
