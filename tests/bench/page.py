"""docs/benchmarks.md: prose by people, and between two marks what the last whole run measured, with its chart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.chart import bars
from bench.report import HEADER, LABELS, cells
from bench.results import Figures

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def put(page: Path, part: str, text: str) -> None:
    """Replace what stands between the marks of a part. Raises ValueError where the page has no such marks."""
    begin, end = f"<!-- {part}: written by make -->", f"<!-- {part}: end -->"
    before, found, rest = page.read_text().partition(begin)
    _, also_found, after = rest.partition(end)
    if not found or not also_found:
        raise ValueError(f"{page} has no lines {begin!r} and {end!r}; put them where {part} is to stand")
    lines = text.strip("\n")  # the blanks before the first one may make it code
    page.write_text(f"{before}{begin}\n{lines}\n{end}{after}")


def tell(page: Path, figures: Mapping[str, Figures], about: Mapping[str, object]) -> None:
    """The table of a run, and the chart beside the page."""
    chart = page.with_name("benchmarks.svg")
    rates = {LABELS.get(name, name): each.records_per_second for name, each in figures.items()}
    bars(chart, "Input records per second (LOAD DATA: rows of its file)", rates, LABELS["ours"])
    put(page, "bench", f"{_about(about)}\n\n{_table(figures)}\n\n![Records per second]({chart.name})")


def _about(about: Mapping[str, object]) -> str:
    return (
        f"{about['records']:,} records, medians of {about['pairs']} rounds; {about['cores']} cores, {about['machine']}, "
        f"Python {about['python']}, {about['database']} with its defaults; {about['finished']}. "
        f"Meanwhile the machine's host gave {about['stolen_share']:.0%} of its CPU time to others."
    )


def _table(figures: Mapping[str, Figures]) -> str:
    rows = [HEADER, ("---", *("---:" for _ in HEADER[1:])), *(cells(each) for each in figures.values())]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return table + "\n\n" + "\n".join(_by_process(each) for each in figures.values())


def _by_process(each: Figures) -> str:
    spent = ", ".join(f"{process} {cpu:.2f}" for process, cpu in each.cpu_seconds_per_million_by_process.items())
    peaks = ", ".join(f"{process} {peak:,.0f}" for process, peak in each.peak_mb_by_process.items())
    return f"- {LABELS.get(each.contestant, each.contestant)}: CPU-s/M {spent}; peak MB {peaks}"
