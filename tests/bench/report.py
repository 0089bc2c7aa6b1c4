"""The figures as a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from bench.results import Figures

LABELS = {
    "ours": "ours, end to end",
    "load_data": "LOAD DATA of the unique rows (the limit)",
    "load_data_ignore": "LOAD DATA, duplicates in the file",
    "celery": "Celery, 1,000 records a task",
}
HEADER = ("", "records/s", "rows/s", "to limit", "CPU-s/M", "with servers", "start CPU-s", "peak MB")


def cells(each: Figures) -> tuple[str, ...]:
    """One contestant's line."""
    return (
        LABELS.get(each.contestant, each.contestant),
        f"{each.records_per_second:,.0f}",
        f"{each.rows_per_second:,.0f}",
        f"{each.ratio_to_load_data:.2f}",
        f"{each.cpu_seconds_per_million:.2f}",
        f"{each.cpu_seconds_per_million_with_servers:.2f}",
        f"{each.start_cpu_seconds:.2f}",
        f"{each.peak_mb:,.0f}",
    )


def as_text(figures: Mapping[str, Figures]) -> str:
    """The table, and by process where CPU and memory went."""
    rows = [HEADER, *(cells(each) for each in figures.values())]
    widths = [max(len(row[n]) for row in rows) for n in range(len(HEADER))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
    lines.append("")
    for each in figures.values():
        cpu = ", ".join(f"{name} {spent:.2f}" for name, spent in each.cpu_seconds_per_million_by_process.items())
        peaks = ", ".join(f"{name} {peak:.0f}" for name, peak in each.peak_mb_by_process.items())
        lines.append(f"{each.contestant}: CPU-s/M {cpu}; peak MB {peaks}; s {', '.join(map(str, each.seconds))}")
    return "\n".join(lines)
