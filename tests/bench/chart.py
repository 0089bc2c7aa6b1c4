"""Charts for docs, drawn as `dcp simulate` draws: the same figures make the same file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dcp_cli.simulate.draw import new_figure, save

_OURS, _OTHERS = "#1f6feb", "#9aa4b2"


def bars(path: Path, title: str, values: Mapping[str, float], first: str) -> None:
    """Horizontal bars, longest value to the right; `first` is drawn in another colour."""
    figure = new_figure(7.6, 0.6 + 0.35 * len(values))
    axes = figure.subplots()
    colours = [_OURS if label == first else _OTHERS for label in values]
    axes.bar_label(axes.barh(list(values), list(values.values()), color=colours), fmt="{:,.0f}", padding=4)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.xaxis.set_visible(False)
    axes.spines[:].set_visible(False)
    axes.set_title(title)
    save(figure, path)


def curve(path: Path, title: str, points: Sequence[tuple[float, float]], across: str) -> None:
    """Points joined by a line; the axis below is logarithmic, the other starts at 0. What is across is named."""
    figure = new_figure(7.6, 3)
    axes = figure.subplots()
    axes.semilogx(*zip(*points, strict=True), "o-", color=_OURS)
    for x, y in points:
        axes.annotate(f"{y:,.1f}", (x, y), (0, 7), textcoords="offset points", ha="center")
    axes.set_xticks([x for x, _ in points], [f"{x:,.0f}" for x, _ in points])
    axes.minorticks_off()
    axes.set_ylim(0, 1.2 * max(y for _, y in points))
    axes.set_xlabel(across)
    axes.set_title(title)
    save(figure, path)
