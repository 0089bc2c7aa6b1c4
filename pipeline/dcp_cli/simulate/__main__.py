"""`make simulate`: ours against the grid on every ready-made load; 1 where something does not hold.

With a folder as its argument it writes there what autoscaling.md in it shows: the table, the picture, every point.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from dcp_cli.errors import DONE, FAILED
from dcp_cli.simulate.contest import contest
from dcp_cli.simulate.draw import draw_curves, draw_scatter
from dcp_cli.simulate.grid import BOUNDS, TARGET_SECONDS, compare, ready_made
from dcp_cli.simulate.report import grid_csv, verdict_markdown, verdict_table
from dcp_cli.simulate.trace import load_trace
from dcp_cli.simulate.world import Physics
from dcp_pipeline.scaling.model import Policy

BEGIN, END = "<!-- made by `make simulate-docs` -->", "<!-- until here -->"


def main(folder: Path | None) -> int:
    """Play, print, draw; the exit code."""
    verdicts = compare(ready_made(), Physics(), Policy(concurrency=1))
    count = len(verdicts[0].grid)
    click.echo(f"time over {TARGET_SECONDS:g} s and pod-seconds; ours against {count} settings of KEDA and the HPA\n")
    click.echo(verdict_table(verdicts))
    if folder is not None:
        draw_scatter(verdicts, TARGET_SECONDS, folder / "autoscaling-grid.svg")
        (folder / "autoscaling-grid.csv").write_text(grid_csv(verdicts))
        _write_table(folder / "autoscaling.md", verdict_markdown(verdicts))
        burst = contest(load_trace("burst"), Policy(concurrency=1), BOUNDS, Physics(), TARGET_SECONDS)
        draw_curves(burst, TARGET_SECONDS, folder / "autoscaling-burst.svg")
    problems = [problem for each in verdicts for problem in each.problems]
    for problem in problems:
        click.echo(f"dcp: {problem}", err=True)
    if not problems:
        click.echo("\nno setting is better than ours on any load; on those that come at once, none is near")
    return FAILED if problems else DONE


def _write_table(path: Path, table: str) -> None:
    """Replace what stands between the two marks of the document."""
    before, rest = path.read_text().split(BEGIN)
    _, after = rest.split(END)
    path.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
