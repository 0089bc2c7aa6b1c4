"""`make simulate`: ours against the grid on every ready-made load; the exit code is 1 where something does not hold."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from dcp_cli.options import duration_of
from dcp_cli.shown.say import say
from dcp_cli.simulate.contest import contest
from dcp_cli.simulate.draw import draw_curves, draw_scatter
from dcp_cli.simulate.grid import BOUNDS, TARGET_SECONDS, Verdict, compare, ready_made
from dcp_cli.simulate.report import grid_csv, verdict_markdown, verdict_table
from dcp_cli.simulate.trace import load_trace
from dcp_cli.simulate.world import Physics
from dcp_pipeline.process.exit_codes import DONE, FAILED
from dcp_pipeline.scaling.model import Policy

BEGIN, END = "<!-- made by `make simulate-docs` -->", "<!-- until here -->"


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--target", default=f"{TARGET_SECONDS:g}s", show_default=True, help="How long a batch may wait.")
def main(folder: Path | None, target: str) -> None:
    """Play, print, and with a FOLDER write there what its autoscaling.md shows."""
    seconds = duration_of("target", target)
    verdicts = compare(ready_made(), Physics(), Policy(concurrency=1), seconds)
    count = len(verdicts[0].grid)
    say(f"time over {seconds:g} s and pod-seconds; ours against {count} settings of KEDA and the HPA\n")
    say(verdict_table(verdicts))
    if folder is not None:
        _write(folder, verdicts, seconds)
    problems = [problem for each in verdicts for problem in each.problems]
    for problem in problems:
        say(f"dcp: {problem}", err=True)
    if not problems:
        say("\nno setting is better than ours on any load; on those that come at once, none is near")
    sys.exit(FAILED if problems else DONE)


def _write(folder: Path, verdicts: Sequence[Verdict], target_seconds: float) -> None:
    """The table, the pictures and the list of points."""
    _write_table(folder / "autoscaling.md", verdict_markdown(verdicts))
    (folder / "autoscaling-grid.csv").write_text(grid_csv(verdicts))
    draw_scatter(verdicts, target_seconds, folder / "autoscaling-grid.svg")
    burst = contest(load_trace("burst"), Policy(concurrency=1), BOUNDS, Physics(), target_seconds)
    draw_curves(burst, target_seconds, folder / "autoscaling-burst.svg")


def _write_table(path: Path, table: str) -> None:
    """Replace what stands between the two marks of the document."""
    before, rest = path.read_text().split(BEGIN)
    _, after = rest.split(END)
    path.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


if __name__ == "__main__":
    main()
