"""How many workers there were, as a line of steps; a mark where it changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from markupsafe import Markup

from dcp_ui.drawing.bars import top_of
from dcp_ui.drawing.svg import picture, tag, text, title

_WIDE, _NARROW, _HEIGHT = 1100.0, 340.0, 180.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 48.0, 14.0, 14.0, 26.0


class Change(msgspec.Struct, frozen=True):
    """From this moment on there were so many."""

    at: datetime
    value: int
    told: str


def draw_steps(
    changes: Sequence[Change], since: datetime, until: datetime, said: str, short: Callable[[float], str], narrow: bool
) -> Markup:
    """The line. `changes` are in order."""
    width = _NARROW if narrow else _WIDE
    top = max(top_of(max((each.value for each in changes), default=0)), 2.0)
    inner_width, inner_height = width - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    span = max((until - since).total_seconds(), 1.0)

    def x(at: datetime) -> float:
        return _LEFT + min(max((at - since).total_seconds() / span, 0.0), 1.0) * inner_width

    def y(value: float) -> float:
        return _TOP + inner_height * (1 - value / top)

    parts = []
    for value in (0.0, top / 2, top):
        parts.append(tag("line", x1=_LEFT, x2=width - _RIGHT, y1=y(value), y2=y(value), class_="grid"))
        parts.append(text(short(value), _LEFT - 8, y(value) + 4, "axis", text_anchor="end"))
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        at = since + (until - since) * share
        parts.append(text(f"{at:%m-%d %H:%M}", x(at), _HEIGHT - 8, "axis", text_anchor=anchor))
    if changes:
        line = f"M{x(changes[0].at):.1f} {y(changes[0].value):.1f}"
        line += "".join(f"H{x(each.at):.1f}V{y(each.value):.1f}" for each in changes[1:]) + f"H{x(until):.1f}"
        parts.append(tag("path", d=line, class_="steps"))
    parts.extend(
        tag("circle", title(each.told), cx=x(each.at), cy=y(each.value), r=4, class_="step") for each in changes
    )
    return picture(width, _HEIGHT, said, *parts, class_="plot standing" if narrow else "plot lying")
