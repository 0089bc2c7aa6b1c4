"""A table that outgrows its buffer pool, at its smallest: pages are counted, no time is judged."""

from __future__ import annotations

from itertools import pairwise

from bench.years import BATCH_RECORDS, Course, Point, grow, server_with, table

POINTS = [6 * BATCH_RECORDS, 12 * BATCH_RECORDS, 15 * BATCH_RECORDS]


def test_a_row_touches_few_pages_however_large_its_table_is() -> None:
    with server_with(pool_mb=6) as server:
        found = {
            (order, key): list(grow(server, Course(key, order, POINTS, rows_per_day=40_000)))
            for order, key in (("ordered", "random"), ("ordered", "ordered"), ("late", "ordered"))
        }
    print(table(found))
    # Of all rows behind the first point: what the server had not yet flushed at a point is in the next one's count.
    grown = {each: pages_behind_the_first(points) for each, points in found.items()}
    assert grown["ordered", "ordered"] < grown["ordered", "random"] / 3
    assert grown["late", "ordered"] < grown["ordered", "random"] * 2 / 3
    # Ours is flat, but for what was flushed late.
    assert grown["ordered", "ordered"] < 2.5 * found["ordered", "ordered"][0].pages


def pages_behind_the_first(points: list[Point]) -> float:
    """Pages for a million rows."""
    rows = [after.rows - before.rows for before, after in pairwise(points)]
    return sum(each.pages * n for each, n in zip(points[1:], rows, strict=True)) / sum(rows)
