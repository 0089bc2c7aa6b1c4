"""A header in mid-file: what holds the labels once more is told, and no row."""

from __future__ import annotations

import pytest

from support.batches import format_of
from support.reading import read_file


@pytest.mark.parametrize(
    ("raw", "rejected", "order"),
    [
        (b"a,b\nx,y\na,b\nz,w\n", 2, False),
        (b'a,b\nx,y\nz,w\n"b", a \nv,u\n', 3, True),
        (b"\xef\xbb\xbfa,b,c\n1,2,3\nc,b,a\n4,5,6\n", 2, True),
    ],
)
def test_a_line_that_holds_the_labels_is_a_reject_that_says_so(raw: bytes, rejected: int, order: bool) -> None:
    result = read_file(raw, format_of(), "a", "b")
    assert result.codes == {rejected: "row-error"}
    assert ("another order" in result.rejects[rejected].reason) == order
    assert len(result.values) == result.read - 1


@pytest.mark.parametrize("raw", [b"a,b\na,x\nb,b\na,a\n", b"name\nname\nother\n", b"a,b\na;b,b;a\n"])
def test_values_that_are_labels_too_are_values(raw: bytes) -> None:
    result = read_file(raw, format_of(), *(("name",) if raw.startswith(b"name") else ("a", "b")))
    assert (result.codes, len(result.values)) == ({}, result.read)
