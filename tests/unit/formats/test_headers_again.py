"""A header in mid-file: what holds the labels once more is told, and no row."""

from __future__ import annotations

import pytest

from support.batches import format_of
from support.reading import read_bytes, read_file


@pytest.mark.parametrize(
    ("raw", "rejected", "order"),
    [
        (b"a,b\nx,y\na,b\nz,w\n", 2, False),
        (b'a,b\nx,y\nz,w\n"b", a \nv,u\n', 3, True),
        (b"\xef\xbb\xbfa,b,c\n1,2,3\nc,b,a\n4,5,6\n", 2, False),
    ],
)
def test_a_line_that_holds_the_labels_is_a_reject_that_says_so(raw: bytes, rejected: int, order: bool) -> None:
    result = read_file(raw, format_of(), "a", "b")
    assert result.codes == {rejected: "row-error"}
    assert ("another order" in result.rejects[rejected].reason) == order
    assert len(result.values) == result.read - 1


@pytest.mark.parametrize("max_records", [1, 2, 100])
@pytest.mark.parametrize("chunk", [1, 9, 1000])
@pytest.mark.parametrize(
    ("raw", "values", "rejected"),
    [
        (b"a,b,c\n1,2,3\nc,a,b\n6,4,5\n", [("1", "2"), ("4", "5")], [2]),
        (b'a,b,c\n1,2,3\n"b" ,c, a\r\n5,"six\nc,b,a",4\na,b,c\n7,8,9\n', [("1", "2"), ("4", "5"), ("7", "8")], [2, 4]),
        (b"a,b,c\n\xef\xbb\xbfc,b,a\n3,2,1\n3,2,1", [("1", "2"), ("1", "2")], [1]),
        (b"a,b,c\n1,2,3\nc,b,x\na,c,c\n", [("1", "2"), ("c", "b"), ("a", "c")], []),  # values, for all one can tell
        (b"name,b,a\na,b,b\nname,a,a\n", [("b", "b"), ("a", "a")], []),
    ],
)
def test_records_behind_a_header_in_another_order_are_read_by_it(
    raw: bytes, values: list[tuple[str, str]], rejected: list[int], max_records: int, chunk: int
) -> None:
    result = read_bytes(raw, format_of(quoteChar='"'), "a", "b", max_records=max_records, chunk=chunk)
    assert list(result.rejects) == rejected
    assert set(result.codes.values()) <= {"row-error"}
    assert result.values == values


@pytest.mark.parametrize("raw", [b"a,b\na,x\nb,b\na,a\n", b"name\nname\nother\n", b"a,b\na;b,b;a\n"])
def test_values_that_are_labels_too_are_values(raw: bytes) -> None:
    result = read_file(raw, format_of(), *(("name",) if raw.startswith(b"name") else ("a", "b")))
    assert (result.codes, len(result.values)) == ({}, result.read)


MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("raw", "values", "codes"),
    [
        (MARK + b"a,b\nx,y\n" + MARK + b"a,b\nz,w\n", [("x", "y"), ("z", "w")], {2: "row-error"}),
        (b"a,b\nx,y\n" + MARK + b'"b","a"\n' + MARK + b"z,w\n", [("x", "y"), ("z", "w")], {2: "row-error"}),
        (MARK * 2 + b"a,b\n" + MARK + b'"x, ""1""",y\nz,' + MARK + b"w\n", [('x, "1"', "y"), ("z", "\ufeffw")], {}),
        (b"a,b\n" + MARK + b"\n" + MARK + b"1,2,3\n" + MARK + b'"x,z\n', [], {1: "blank-row", 2: "extra-cell", 3: "row-error"}),
        (b"a,b\n" + (MARK + b"x,y\r\n") * 3 + MARK + b"\xff,y\r\n", [("x", "y")] * 3, {4: "encoding-error"}),
        (b"b\n1\n" + MARK + b"2\n" + MARK + b"b\n", [(None, "1"), (None, "2"), (None, "b")], {}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "auto"])
def test_files_put_one_behind_the_other_with_their_byte_order_marks_are_read_as_each_would_be(
    raw: bytes, values: list[tuple[str, str]], codes: dict[int, str], encoding: str
) -> None:
    result = read_file(raw, format_of(encoding=encoding), "a", "b")
    assert (result.values, result.codes) == (values, codes)


@pytest.mark.parametrize("char", ["", "#"])
def test_a_byte_order_mark_is_no_part_of_a_line(char: str) -> None:
    form = format_of(type="regex", pattern="(?P<a>\\S+) (?P<b>.*)", **({"commentChar": char} if char else {}))
    result = read_file(MARK + b"x 1\n" + MARK + MARK[:1] + b" 2\n" + MARK + b"y 3\n", form, "a", "b")
    assert (result.values, result.codes) == ([("x", "1"), ("y", "3")], {2: "encoding-error"})
