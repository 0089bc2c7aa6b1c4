from __future__ import annotations

from datetime import date, datetime, time

import polars as pl
import pytest

from dcp_worker.sink.mysql.literals import chunks, row_values, scalar_literal

BATCH = "0f" * 16


def test_values_become_literals_that_cannot_end_early() -> None:
    rows = pl.DataFrame(
        {
            "s": ["it's", "a\\", "nul\0", "%s :x", "漢"],
            "i": [1, None, -(2**63), 0, 5],
            "f": [0.1, 1e300, None, -0.0, 5e-324],
            "b": [True, False, None, True, False],
            "x": pl.Series([b"\x00'", b"", b"\\", None, b"\xff"], dtype=pl.Binary),
        }
    )
    assert row_values(rows, BATCH).to_list() == [
        f"('it\\'s',1,0.1,1,x'0027',x'{BATCH}')",
        f"('a\\\\',NULL,1e+300,0,x'',x'{BATCH}')",
        f"('nul\\0',-9223372036854775808,NULL,NULL,x'5c',x'{BATCH}')",
        f"('%s :x',0,-0.0,1,NULL,x'{BATCH}')",
        f"('漢',5,5e-324,0,x'ff',x'{BATCH}')",
    ]


def test_dates_and_times_are_written_to_the_microsecond() -> None:
    rows = pl.DataFrame(
        {"d": [date(1000, 1, 1)], "t": [time(1, 2, 3, 4)], "dt": [datetime(9999, 12, 31, 23, 59, 59, 999999)]},
        schema={"d": pl.Date, "t": pl.Time, "dt": pl.Datetime("us")},
    )
    [values] = row_values(rows, BATCH).to_list()
    assert values == f"('1000-01-01','01:02:03.000004','9999-12-31 23:59:59.999999',x'{BATCH}')"


def test_chunks_stay_under_the_limit_and_a_longer_row_is_alone() -> None:
    values = pl.Series(["(1)", "(2)", "(3456789)", "(4)"])
    assert [(each.start, each.end, each.values) for each in chunks(values, 8)] == [
        (0, 2, "(1),(2)"),
        (2, 3, "(3456789)"),
        (3, 4, "(4)"),
    ]
    assert list(chunks(pl.Series([], dtype=pl.String), 8)) == []


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("O'Hara \\ \0", r"'O\'Hara \\ \0'"),
        ("", "''"),
        ("NULL", "'NULL'"),
        (b"\xff'\0", "x'ff2700'"),
        (b"", "x''"),
        (-7, "-7"),
        (None, "NULL"),
    ],
)
def test_one_value_as_a_literal(value: str | bytes | int | None, literal: str) -> None:
    assert scalar_literal(value) == literal
