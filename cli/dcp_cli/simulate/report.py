"""The figures in words: a table and curves for the terminal, one object for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from dcp_cli.shown.tables import table
from dcp_cli.simulate.contest import Result
from dcp_cli.simulate.grid import Standing, Verdict
from dcp_cli.simulate.ours import Step
from dcp_cli.simulate.play import Point

WIDTH = 60
BARS = " ▁▂▃▄▅▆▇█"


def result_table(results: Sequence[Result], target_seconds: float) -> str:
    """One line for each autoscaler."""
    header = ["", "most backlog", "longest wait", f"over {target_seconds:g} s", "pod-seconds", "steps", "empty at"]
    header += ["last pod gone", "busy pods stopped"]
    return table([[each.name, *_figures(each)] for each in results], header)


def _figures(each: Result) -> list[str]:
    figures = (each.most_waiting, each.longest_wait, each.over_target, each.pod_seconds, each.steps)
    return [f"{figure:.0f}" for figure in (*figures, each.empty_at, each.gone_at, each.stopped_busy)]


def curves(results: Sequence[Result]) -> str:
    """The pods and the backlog of each over time, drawn with bars on a common scale."""
    backlog = max((point.backlog for each in results for point in each.shown.curve), default=0)
    pods = max((point.wanted for each in results for point in each.shown.curve), default=0)
    width = max(len(each.name) for each in results)
    lines = []
    for each in results:
        curve = each.shown.curve
        lines.append(f"{each.name:{width}}  backlog |{_bars([point.backlog for point in curve], backlog)}|")
        lines.append(f"{'':{width}}  pods    |{_bars([point.wanted for point in curve], pods)}|")
    seconds = results[0].shown.trace.end
    scale = f"0 to {seconds:.0f} s; the highest bar is {backlog} batches, {pods} pods"
    return "\n".join([*lines, f"{'':{width}}  {scale}"])


def _bars(values: Sequence[int], most: int) -> str:
    """The greatest value of each of WIDTH equal spans."""
    spans = [values[len(values) * n // WIDTH : max(len(values) * (n + 1) // WIDTH, 1)] for n in range(WIDTH)]
    heights = [max(span, default=0) / most if most else 0.0 for span in spans]
    return "".join(BARS[max(round(height * (len(BARS) - 1)), 1 if height else 0)] for height in heights)


def steps_table(steps: Sequence[Step]) -> str:
    """Every change of ours, with its reason."""
    return "\n".join(f"{each.at:8.1f} s  {each.before:3d} -> {each.after:<3d} {each.reason}" for each in steps)


def as_json(results: Sequence[Result], steps: Sequence[Step], target_seconds: float) -> dict[str, Any]:
    """Everything, with the curves as rows of (time, backlog, age, wanted, ready)."""
    return {
        "trace": results[0].shown.trace.name,
        "batches": len(results[0].shown.trace.arrivals),
        "target_seconds": target_seconds,
        "autoscalers": {each.name: _result_json(each) for each in results},
        "decisions": [asdict(each) for each in steps],
    }


def _result_json(each: Result) -> dict[str, Any]:
    names = ("most_waiting", "longest_wait", "over_target", "pod_seconds", "steps", "stopped_busy", "empty_at")
    return {
        **{name: round(getattr(each, name), 3) for name in (*names, "gone_at")},
        "curve": [_point_json(point) for point in each.shown.curve],
    }


def _point_json(point: Point) -> list[float]:
    return [round(point.at, 1), point.backlog, round(point.age_seconds, 1), point.wanted, point.ready]


VERDICT_HEADER = (
    "load",
    "ours: over the target, pod-seconds",
    "of those no longer over it, the fewest pod-seconds",
    "ours / theirs",
    "of those with no more pod-seconds, the shortest over it",
    "ours / theirs",
)


def verdict_table(verdicts: Sequence[Verdict]) -> str:
    """Ours on each load, beside the best points of the grid that are level with it on one of the measures."""
    lines = []
    for each in verdicts:
        load, ours, on_time, time_ratio, on_pods, pods_ratio = _verdict_row(each)
        lines.append(f"{load}: ours {ours}")
        lines.append(
            f"    no longer over the target: {on_time}" + (f"; ours is {time_ratio} of it" if time_ratio else "")
        )
        lines.append(f"    no more pod-seconds: {on_pods}" + (f"; ours is {pods_ratio} of it" if pods_ratio else ""))
    return "\n".join(lines)


def verdict_markdown(verdicts: Sequence[Verdict]) -> str:
    """The same as a table of Markdown."""
    rows = [VERDICT_HEADER, ("---",) * len(VERDICT_HEADER), *(_verdict_row(each) for each in verdicts)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _verdict_row(each: Verdict) -> tuple[str, ...]:
    ours, on_time, on_pods = each.ours, each.level_on_time, each.level_on_pods
    time_ratio = f"{ours.pod_seconds / on_time.pod_seconds:.2f}" if on_time else ""
    pods_ratio = f"{ours.over_target / on_pods.over_target:.2f}" if on_pods and on_pods.over_target else ""
    return each.trace, _pair(ours), _named(on_time), time_ratio, _named(on_pods), pods_ratio


def _named(each: Standing | None) -> str:
    return f"{_pair(each)} ({each.name})" if each else "nobody"


def _pair(each: Standing) -> str:
    return f"{each.over_target:.0f} s, {each.pod_seconds:,.0f}"


def grid_csv(verdicts: Sequence[Verdict]) -> str:
    """Every point of every load, ours first."""
    standings = [each for verdict in verdicts for each in (verdict.ours, *verdict.grid)]
    rows = [f'{each.trace},"{each.name}",{each.over_target:.1f},{each.pod_seconds:.0f}' for each in standings]
    return "\n".join(["load,autoscaler,seconds over the target,pod-seconds", *rows, ""])
