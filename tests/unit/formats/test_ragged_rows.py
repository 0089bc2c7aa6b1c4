"""Rows of another number of cells: rejected, padded, cut or joined, as the spec says, in every reader."""

from __future__ import annotations

from typing import Any

import pytest

from support.batches import format_of
from support.reading import read_bytes

RAW = b'a,b,c\n1\n1,2\n1,2,3\n1,2,3,4\n1,2,"x, y",4,\n\n,,,,\n\xff,1\n"q" r,1\n'
"""Records 7 and 8 are blank, 9 and 10 cannot be read."""
BAD = {6: "blank-row", 7: "blank-row", 8: "encoding-error", 9: "row-error"}


@pytest.mark.parametrize(
    ("words", "rows", "codes"),
    [
        ({}, {3: ("1", "2", "3")}, {1: "missing-cell", 2: "missing-cell", 4: "extra-cell", 5: "extra-cell"}),
        (
            {"missingCells": "pad"},
            {1: ("1", None, None), 2: ("1", "2", None), 3: ("1", "2", "3")},
            {4: "extra-cell", 5: "extra-cell"},
        ),
        (
            {"extraCells": "cut"},
            {3: ("1", "2", "3"), 4: ("1", "2", "3"), 5: ("1", "2", "x, y")},
            {1: "missing-cell", 2: "missing-cell"},
        ),
        (
            {"missingCells": "pad", "extraCells": "join"},
            {
                1: ("1", None, None),
                2: ("1", "2", None),
                3: ("1", "2", "3"),
                4: ("1", "2", "3,4"),
                5: ("1", "2", "x, y,4,"),
            },
            {},
        ),
    ],
)
@pytest.mark.parametrize("dialect", [{}, {"commentChar": "#"}, {"escapeChar": "\\"}])
@pytest.mark.parametrize("batch", [1, 100])
def test_ragged_rows_are_what_the_spec_makes_of_them(
    words: dict[str, str], rows: dict[int, Any], codes: dict[int, str], dialect: dict[str, str], batch: int
) -> None:
    raw = RAW + (b"# a comment\n1,2,3\n" if "commentChar" in dialect else b"")
    result = read_bytes(raw, format_of(**words, **dialect), "a", "b", "c", max_records=batch)
    more = {10: ("1", "2", "3")} if "commentChar" in dialect else {}
    assert result.rows == rows | more
    assert result.codes == codes | BAD


def test_only_the_wanted_cells_of_a_wide_row_are_taken() -> None:
    result = read_bytes(b"a,b,c\n1,2\n1\t,x,y,z\n", format_of(missingCells="pad", extraCells="join"), "c", "a")
    assert result.values == [(None, "1"), ("y,z", "1\t")]
