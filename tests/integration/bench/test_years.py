"""A table that outgrows its buffer pool, at its smallest: pages are counted, no time is judged."""

from __future__ import annotations

from bench.years import BATCH_RECORDS, Course, grow, server_with, table

POINTS = [6 * BATCH_RECORDS, 12 * BATCH_RECORDS, 15 * BATCH_RECORDS]


def test_a_row_touches_few_pages_however_large_its_table_is() -> None:
    with server_with(pool_mb=6) as server:
        found = {
            (order, key): list(grow(server, Course(key, order, POINTS, rows_per_day=40_000)))
            for order, key in (("ordered", "random"), ("ordered", "ordered"), ("late", "ordered"))
        }
    last = {each: points[-1].pages for each, points in found.items()}
    print(table(found))
    assert last["ordered", "ordered"] < 0.2 * last["ordered", "random"]
    assert last["late", "ordered"] < 0.6 * last["ordered", "random"]
    # Ours is flat: the last rows touch no more than twice what the first did.
    assert last["ordered", "ordered"] < 2 * found["ordered", "ordered"][0].pages
