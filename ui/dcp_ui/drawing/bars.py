"""Stacked bars over time, with a scale; and the same without one, small, for a line of a list."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from markupsafe import Markup

from dcp_ui.drawing.svg import picture, tag, text, title

_WIDE, _NARROW, _HEIGHT = 1100.0, 340.0, 220.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 48.0, 8.0, 12.0, 26.0
_LABEL_WIDTH = 70.0


class Series(msgspec.Struct, frozen=True):
    """One colour of the stack. `values` are in the order of the plot's moments."""

    name: str
    css: str
    values: tuple[int, ...]


class Plot(msgspec.Struct, frozen=True):
    """What is drawn."""

    said: str
    moments: tuple[datetime, ...]
    series: tuple[Series, ...]
    pattern: str
    """How a moment is written below, in strftime's words."""


def top_of(most: float) -> float:
    """A round number for the top of a scale: 1, 2 or 5 times a power of ten."""
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= most)


def stacked(plot: Plot, short: Callable[[float], str], narrow: bool = False) -> Markup:
    """The plot, for a wide window or for a narrow one."""
    width, count = _NARROW if narrow else _WIDE, len(plot.moments)
    sums = [sum(series.values[place] for series in plot.series) for place in range(count)]
    top = top_of(max(sums, default=0))
    inner_width, inner_height = width - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    slot, scale = inner_width / max(count, 1), inner_height / top
    parts = _scale(top, width, short)
    parts.extend(_column(plot, place, _LEFT + place * slot, slot, scale) for place in range(count))
    every = max(1, math.ceil(count * _LABEL_WIDTH / inner_width))
    for place in range(0, count, every):
        anchor = "start" if place == 0 else "middle"
        x = _LEFT + place * slot + (0 if place == 0 else slot / 2)
        parts.append(text(f"{plot.moments[place]:{plot.pattern}}", x, _HEIGHT - 8, "axis", text_anchor=anchor))
    return picture(width, _HEIGHT, plot.said, *parts, class_="plot standing" if narrow else "plot lying")


def _scale(top: float, width: float, short: Callable[[float], str]) -> list[Markup]:
    inner_height, parts = _HEIGHT - _TOP - _BOTTOM, []
    for share in (0.0, 0.5, 1.0):
        y = _TOP + inner_height * (1 - share)
        parts.append(tag("line", x1=_LEFT, x2=width - _RIGHT, y1=y, y2=y, class_="grid"))
        if share == 0 or top * share >= 1:
            parts.append(text(short(top * share), _LEFT - 8, y + 4, "axis", text_anchor="end"))
    return parts


def _column(plot: Plot, place: int, x: float, slot: float, scale: float) -> Markup:
    base = _HEIGHT - _BOTTOM
    bars: list[Markup] = []
    told = [f"{plot.moments[place]:%Y-%m-%d %H:%M} UTC"]
    gap = min(slot * 0.2, 3.0)
    for series in plot.series:
        value = series.values[place]
        if value <= 0:
            continue
        # What is there is seen, however little beside the rest.
        height = max(value * scale, 1.5)
        base -= height
        bars.append(tag("rect", x=x + gap / 2, y=base, width=slot - gap, height=height, class_=series.css))
        told.append(f"{series.name}: {value:,}")
    whole = tag("rect", x=x, y=_TOP, width=slot, height=_HEIGHT - _TOP - _BOTTOM, class_="hover")
    return tag("g", title("\n".join(told)), whole, *bars)


def small(values: Sequence[int], said: str, css: str = "s-written") -> Markup:
    """A line of little bars as one path: light enough for a thousand of them."""
    width, height, count = 120.0, 24.0, max(len(values), 1)
    slot, most = width / count, max(values, default=0) or 1
    path = "".join(
        f"M{place * slot:.0f} {height:.0f}v{-max(value / most * (height - 2), 1.5):.1f}h{slot - 1:.0f}V{height:.0f}z"
        for place, value in enumerate(values)
        if value > 0
    )
    base = tag("path", d=f"M0 {height - 0.5}h{width:.0f}", class_="base")
    return picture(width, height, said, base, tag("path", d=path, class_=css), class_="spark")
