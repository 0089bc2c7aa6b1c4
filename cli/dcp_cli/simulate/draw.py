"""The curves and the scatter as a picture: SVG, PNG or whatever matplotlib writes by the file's ending."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dcp_cli.errors import CommandFailed
from dcp_cli.simulate.contest import Result
from dcp_cli.simulate.grid import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0b6e4f", "#b5179e", "#f77f00", "#457b9d")


def draw_curves(results: Sequence[Result], target_seconds: float, path: Path) -> None:
    """Backlog, age and pods of each over time, one below the other. Raises CommandFailed without matplotlib."""
    figure = new_figure(9, 7)
    trace = results[0].shown.trace
    panels = figure.subplots(3, 1, sharex=True)
    for each, colour in zip(results, COLOURS, strict=False):
        times = [point.at for point in each.shown.curve]
        label = f"{each.name}: {each.over_target:.0f} s over, {each.pod_seconds:.0f} pod-seconds"
        panels[0].plot(times, [point.backlog for point in each.shown.curve], color=colour, label=label)
        panels[1].plot(times, [point.age_seconds for point in each.shown.curve], color=colour)
        panels[2].step(times, [point.wanted for point in each.shown.curve], color=colour, where="post")
    panels[1].axhline(target_seconds, color="grey", linewidth=0.8, linestyle=":")
    for panel, text in zip(panels, ("backlog, batches", "oldest waits, s", "pods wanted"), strict=True):
        panel.set_ylabel(text)
        panel.set_ylim(bottom=0)
        panel.grid(alpha=0.3)
    panels[0].set_title(f"{trace.name}: {len(trace.arrivals)} batches")
    panels[0].legend(fontsize="small")
    panels[2].set_xlabel("seconds")
    save(figure, path)


def draw_scatter(verdicts: Sequence[Verdict], target_seconds: float, path: Path) -> None:
    """A panel for each load: every point of the grid, and ours. Lower and further left is better."""
    figure = new_figure(11, 7)
    panels = figure.subplots(2, 3).flatten()
    for panel, each in zip(panels, verdicts, strict=False):
        panel.scatter(
            [g.pod_seconds for g in each.grid], [g.over_target for g in each.grid], s=9, color=COLOURS[1], alpha=0.4
        )
        panel.scatter([each.ours.pod_seconds], [each.ours.over_target], s=90, marker="*", color=COLOURS[0], zorder=3)
        panel.set_title(each.trace)
        panel.set_xlabel("pod-seconds")
        panel.set_ylabel(f"seconds over {target_seconds:g} s")
        _count_in_ones_twos_and_fives(panel)
        panel.set_ylim(bottom=-0.03 * panel.get_ylim()[1])
        panel.grid(alpha=0.3)
    for panel in panels[len(verdicts) :]:
        panel.axis("off")
    panels[-1].scatter([], [], s=90, marker="*", color=COLOURS[0], label="ours, at its defaults")
    panels[-1].scatter([], [], s=9, color=COLOURS[1], label=f"KEDA + HPA, {len(verdicts[0].grid)} settings")
    panels[-1].legend(loc="center")
    save(figure, path)


def _count_in_ones_twos_and_fives(panel: Axes) -> None:
    """A logarithmic scale whose few ticks are plain numbers."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    panel.set_xscale("log")
    panel.xaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0), numticks=5))
    panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.tick_params(axis="x", labelsize=7)


def new_figure(width: float, height: float) -> Figure:
    """Of so many inches. Raises CommandFailed without matplotlib."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise CommandFailed("drawing needs matplotlib: pip install 'datacleaning-pipelines[plots]'") from error
    # The same curves are to be the same file.
    matplotlib.rcParams["svg.hashsalt"] = "dcp"
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, path: Path) -> None:
    """Write it. Raises CommandFailed where that cannot be."""
    dateless = {"Date": None} if path.suffix == ".svg" else {}
    try:
        figure.savefig(path, metadata=dateless)
    except (ValueError, OSError) as error:
        raise CommandFailed(f"{path}: cannot be written: {error}") from error
