"""The way of a pipeline's records: sources, queue, workers, table; lying for wide windows, standing for narrow ones."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from markupsafe import Markup

from dcp_ui.drawing.svg import clipped, picture, tag, text, title

_BOX, _GAP, _PAD = 228.0, 44.0, 16.0
_ROW = 24.0
_MOST_SOURCES, _MOST_DOTS = 5, 48
_CHARACTERS = 25


class SourceShown(msgspec.Struct, frozen=True):
    """A source: what it is called, what is said of it, and whether it is well."""

    name: str
    note: str
    css: str


class Box(msgspec.Struct, frozen=True):
    """One of the others: its figure, and lines about it. `css` colours the figure."""

    name: str
    figure: str
    lines: tuple[str, ...]
    css: str = ""


class Part(msgspec.Struct, frozen=True):
    """A part of the queue's bar."""

    name: str
    css: str
    count: int


class Way(msgspec.Struct, frozen=True):
    """What is drawn. `workers_busy`: one for each worker."""

    said: str
    sources_name: str
    sources: tuple[SourceShown, ...]
    more_sources: str
    queue: Box
    queue_parts: tuple[Part, ...]
    workers: Box
    workers_busy: tuple[bool, ...]
    table: Box
    books: tuple[Part, ...]
    flows: bool
    """Whether anything moves at the moment."""


def draw_way(way: Way, standing: bool) -> Markup:
    """The picture."""
    inner = 340.0 - 2 - 2 * _PAD if standing else _BOX - 1 - 2 * _PAD
    contents = [_sources(way), _queue(way, inner), _workers(way), _table(way, inner)]
    rows = min(len(way.sources), _MOST_SOURCES) + (len(way.sources) > _MOST_SOURCES)
    height = max(150.0, 52 + _ROW * rows * 1.7)
    heights = [max(96.0, 52 + _ROW * rows * 1.7), 150.0, 132.0, 150.0] if standing else [height] * 4
    gap = 30.0 if standing else _GAP
    width = 340.0 if standing else 4 * _BOX + 3 * gap + 1
    parts: list[Markup] = []
    x = y = 1.0
    box_width = width - 2 if standing else _BOX - 1
    for place, content in enumerate(contents):
        inside = _in_box(content, box_width, heights[place])
        parts.append(tag("g", inside, transform=f"translate({x:.1f} {y:.1f})"))
        if place < 3:
            parts.append(_arrow(x, y, box_width, heights[place], gap, standing, way.flows))
        if standing:
            y += heights[place] + gap
        else:
            x += _BOX + gap
    whole = sum(heights) + 3 * gap + 2 if standing else height + 2
    return picture(width, whole, way.said, *parts, class_="way standing" if standing else "way lying")


def _in_box(content: Sequence[Markup], width: float, height: float) -> Markup:
    return tag("g", tag("rect", width=width, height=height, rx=10, class_="box"), *content)


def _arrow(x: float, y: float, width: float, height: float, gap: float, standing: bool, flows: bool) -> Markup:
    css = "arrow flows" if flows else "arrow"
    if standing:
        middle, start = x + width / 2, y + height
        line = f"M{middle:.1f} {start + 3:.1f}V{start + gap - 9:.1f}"
        head = f"M{middle - 6:.1f} {start + gap - 11:.1f}l6 8l6 -8z"
    else:
        middle, start = y + 75, x + width
        line = f"M{start + 5:.1f} {middle:.1f}H{start + gap - 11:.1f}"
        head = f"M{start + gap - 13:.1f} {middle - 6:.1f}l8 6l-8 6z"
    return tag("path", d=line, class_=css) + tag("path", d=head, class_="head")


def _sources(way: Way) -> list[Markup]:
    parts = [text(way.sources_name, _PAD, 28, "name")]
    y = 56.0
    for each in way.sources[:_MOST_SOURCES]:
        dot = tag("circle", cx=_PAD + 4, cy=y - 4, r=4.5, class_=each.css)
        name = text(clipped(each.name, _CHARACTERS - 3), _PAD + 16, y, "line strong")
        parts.append(tag("g", title(f"{each.name}: {each.note}"), dot, name))
        parts.append(text(clipped(each.note, _CHARACTERS + 2), _PAD + 16, y + 17, "line"))
        y += _ROW * 1.7
    if len(way.sources) > _MOST_SOURCES:
        parts.append(text(way.more_sources, _PAD + 16, y, "line"))
    return parts


def _head(box: Box) -> list[Markup]:
    parts = [text(box.name, _PAD, 28, "name"), text(box.figure, _PAD, 66, f"figure {box.css}".strip())]
    lines = [text(clipped(line, _CHARACTERS + 5), _PAD, 88 + 17 * n, "line") for n, line in enumerate(box.lines[:2])]
    return parts + lines


def _queue(way: Way, width: float) -> list[Markup]:
    return [*_head(way.queue), *_bar(way.queue_parts, 122, _PAD, width)]


def _table(way: Way, width: float) -> list[Markup]:
    return [*_head(way.table), *_bar(way.books, 122, _PAD, width)]


def share_bar(parts: Sequence[Part], said: str) -> Markup:
    """Such a bar alone."""
    return picture(130, 10, said, *_bar(parts, 0, 0, 130), class_="share")


def _bar(parts: Sequence[Part], y: float, x: float, width: float) -> list[Markup]:
    whole, start = sum(each.count for each in parts), x
    drawn = [tag("rect", x=x, y=y, width=width, height=10, rx=2, class_="track")]
    if not whole:
        return drawn
    for each in parts:
        if each.count <= 0:
            continue
        share = max(each.count / whole * width, 2.0)
        share = min(share, start + width - x)
        shown = tag("rect", title(f"{each.name}: {each.count:,}"), x=x, y=y, width=share, height=10, class_=each.css)
        drawn.append(shown)
        x += share
    return drawn


def _workers(way: Way) -> list[Markup]:
    parts = _head(way.workers)
    per_row = 16
    for place, busy in enumerate(way.workers_busy[:_MOST_DOTS]):
        x, y = _PAD + 5 + (place % per_row) * 12.4, 120 + (place // per_row) * 12
        parts.append(tag("circle", cx=x, cy=y, r=4, class_="w-busy" if busy else "w-idle"))
    return parts
