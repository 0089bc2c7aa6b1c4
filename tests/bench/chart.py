"""Charts for docs as plain SVG, small enough to be read and compared in a diff. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH = 760
_BAR, _GAP, _TOP, _LEFT = 22, 10, 34, 300
_OURS, _OTHERS, _INK = "#1f6feb", "#9aa4b2", "#57606a"


def bars(title: str, values: Mapping[str, float], first: str) -> str:
    """Horizontal bars, longest value to the right; `first` is drawn in another colour."""
    most = max(values.values())
    room = WIDTH - _LEFT - 90
    body = []
    for number, (label, value) in enumerate(values.items()):
        y = _TOP + number * (_BAR + _GAP)
        length = room * value / most if most else 0
        colour = _OURS if label == first else _OTHERS
        body += [
            _text(_LEFT - 8, y + 16, label, anchor="end"),
            f'<rect x="{_LEFT}" y="{y}" width="{length:.0f}" height="{_BAR}" fill="{colour}"/>',
            _text(_LEFT + length + 6, y + 16, f"{value:,.0f}"),
        ]
    return _document(title, body, _TOP + len(values) * (_BAR + _GAP) + 4)


def curve(title: str, points: Sequence[tuple[float, float]], across: str) -> str:
    """Points joined by a line; the axis below is logarithmic, the other starts at 0. What is across is named."""
    height, left, bottom = 300, 70, 250
    low, high = math.log10(min(x for x, _ in points)), math.log10(max(x for x, _ in points))
    most = max(y for _, y in points) * 1.1
    places = [
        (left + (math.log10(x) - low) / ((high - low) or 1) * (WIDTH - left - 60), bottom - y / most * (bottom - _TOP))
        for x, y in points
    ]
    line = " ".join(f"{x:.0f},{y:.0f}" for x, y in places)
    body = [
        f'<line x1="{left}" y1="{bottom}" x2="{WIDTH - 30}" y2="{bottom}" stroke="{_INK}"/>',
        f'<polyline points="{line}" fill="none" stroke="{_OURS}" stroke-width="2"/>',
    ]
    for (x, y), (number, value) in zip(places, points, strict=True):
        body += [
            f'<circle cx="{x:.0f}" cy="{y:.0f}" r="4" fill="{_OURS}"/>',
            _text(x, y - 10, f"{value:,.1f}", anchor="middle"),
            _text(x, bottom + 18, f"{number:,.0f}", anchor="middle"),
        ]
    body.append(_text((left + WIDTH) / 2, height - 12, across, anchor="middle"))
    return _document(title, body, height)


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(words)}</text>'


def _document(title: str, body: Sequence[str], height: int) -> str:
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="{_INK}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="8" y="20" font-weight="bold">{escape(title)}</text>',
        *body,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"
