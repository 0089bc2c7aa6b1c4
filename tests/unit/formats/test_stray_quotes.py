"""One stray quote costs one line: whatever stands in the lines below, and however the bytes come."""

from __future__ import annotations

import pytest

from dcp_fetcher.cutting.header import HeaderError
from support.batches import format_of
from support.reading import read_bytes

ROWS = [f"{n},name {n},{n}.5" for n in range(1, 200)]


def table(**odd: str) -> bytes:
    """200 lines, with others in the places of some: `n7` is record 7."""
    lines = list(ROWS)
    for place, line in odd.items():
        lines[int(place[1:]) - 1] = line
    return "\n".join(["id,name,x", *lines, ""]).encode()


@pytest.mark.parametrize(
    ("odd", "rejected"),
    [
        ({"n7": '7,"open,7.5', "n150": '150,Bar "Sport",1'}, [7]),
        ({"n7": '7,"open,7.5', "n8": '8,"name 8",8.5'}, [7]),
        ({"n7": '7,"DA MARIO" SNC,7.5'}, [7]),
        ({"n7": '7,"name" ,7.5', "n9": '"9" ,x,1', "n11": '11,"a"b"c",1'}, [7, 9, 11]),
        ({"n7": '7,"open,7.5', "n199": '199,"open,7.5'}, [7, 199]),
        ({"n7": '7,"open""s,7.5'}, [7]),
        ({"n7": '7,"two\nlines" and more,7.5'}, [7, 8]),  # the second line is a record of two cells
        ({"n7": '7,2" pipe,7.5', "n9": '9,a "word" in it,"1"'}, []),
        ({"n7": '7,"two\nlines, ""quoted""",7.5', "n9": '9,"\r\n",1'}, []),
    ],
)
@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_the_lines_with_odd_quotes_are_rejected_and_every_other_one_is_a_row(
    odd: dict[str, str], rejected: list[int], batch: int
) -> None:
    result = read_bytes(table(**odd), format_of(), "id", "name", "x", max_records=batch, chunk=100)
    assert list(result.rejects) == rejected
    assert result.read == len(result.rows) + len(rejected)
    assert {row[0] for row in result.values} == {row.split(",")[0] for row in ROWS} - {
        f"{7 if number == 8 else number}" for number in rejected
    }


def test_a_reject_names_its_own_line_bytes_and_what_to_set() -> None:
    result = read_bytes(b'a,b\n"x\ny",1\n2,"m" n\n', format_of(), "a", "b")
    reject = result.rejects[2]
    assert (reject.code, reject.line, reject.start, reject.raw) == ("row-error", 4, 12, b'2,"m" n')
    assert "lenientQuotes" in reject.reason


def test_lenient_quotes_are_to_be_asked_for() -> None:
    result = read_bytes(b'a,b\n1,"DA MARIO" SNC\n2,"x"y"z\n', format_of(lenientQuotes=True), "a", "b")
    assert result.values == [("1", "DA MARIO SNC"), ("2", 'xy"z')]


def test_tsv_has_no_quotes_unless_told() -> None:
    raw = b'a\tb\n1\t"open\n2\t5" disk\n3\t"x" y\n4\t"z"\n'
    result = read_bytes(raw, format_of("tsv"), "a", "b")
    assert result.values == [("1", '"open'), ("2", '5" disk'), ("3", '"x" y'), ("4", '"z"')]
    told = read_bytes(b'a\tb\n1\t"x\ty"\n2\t"q" r\n', format_of("tsv", quoteChar='"'), "a", "b")
    assert (told.values, told.codes) == ([("1", "x\ty")], {2: "row-error"})


def test_a_comment_may_hold_the_quote_that_breaks_the_record_before() -> None:
    raw = b'a,b\n1,"open\n# a "comment"\n2,x\n3,y"\n4,z\n'
    result = read_bytes(raw, format_of(commentChar="#"), "a", "b", max_records=9)
    assert (result.values, result.codes) == ([("2", "x"), ("3", 'y"'), ("4", "z")], {1: "row-error"})
    assert result.rejects[1].line == 2


def test_a_header_with_a_broken_quote_is_said_so_and_a_first_record_is_one_reject() -> None:
    with pytest.raises(HeaderError, match="lenientQuotes"):
        read_bytes(b'a,"b" c\n1,2\n', format_of(), "a")
    result = read_bytes(b'1,"x" y,3\n4,5,6\n', format_of(header=False), "col1", "col3")
    assert (result.values, result.codes) == ([("4", "6")], {1: "row-error"})


@pytest.mark.parametrize(
    ("lines", "rows", "rejected"),
    [
        (['4,"John","45', "5,Eve,50"], [("4", "John", "45"), ("5", "Eve", "50")], []),
        (['4,"John","45', "", "# no record", "5,Eve,50", "6,cut o"], [("4", "John", "45"), ("5", "Eve", "50")], [7]),
        (['4,John,"say ""hi"', "5,Eve,50"], [("4", "John", 'say "hi'), ("5", "Eve", "50")], []),
        (["# about 4", '4,John,"', "5,Eve,50"], [("4", "John", ""), ("5", "Eve", "50")], []),
        (['4,"John, 45', "5,Eve,50"], [("5", "Eve", "50")], [4]),  # not in the last cell
        (['4,John,"the first line', "the second"], [], [4, 5]),  # a cell of many lines that is cut off
        (['4,John,"a, b', "c, d, e", "and so on"], [("c", " d", " e")], [4, 6]),  # so is this, for all one can tell
        (['4,John,"45'], [], [4]),
        (['4,John,"45', "5,Eve"], [], [4, 5]),
        (['4,John,"45', '5,Eve,"50"'], [("5", "Eve", "50")], [4]),
    ],
)
@pytest.mark.parametrize("batch", [1, 1000])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_quote_that_opens_a_lines_last_cell_ends_with_it_where_all_that_follows_are_records(
    lines: list[str], rows: list[tuple[str, ...]], rejected: list[int], batch: int, end: str
) -> None:
    before = [f"{number},name,{number}" for number in range(1, 4)]
    ended = [] if lines[-1] == "6,cut o" else [""]
    raw = end.join(["id,name,x", *before, *lines, *ended]).encode()
    form = format_of(commentChar="#", blankRows="skip")
    result = read_bytes(raw, form, "id", "name", "x", max_records=batch, chunk=5)
    assert result.values[3:] == rows
    assert list(result.rejects) == rejected


def test_a_last_cell_that_is_never_closed_within_a_records_length_ends_with_its_line() -> None:
    lines = [f"{number},x;y" for number in range(50)]
    raw = "\n".join(["a,b", '-1,"x;y', *lines, ""]).encode()
    form = format_of(maxRecordBytes=60)
    for chunk in (1, 7, 1000):
        result = read_bytes(raw, form, "a", "b", chunk=chunk)
        assert (result.read, result.codes) == (51, {})
        assert result.values[0] == ("-1", "x;y")
    one = read_bytes(raw.replace(b"-1,", b"").replace(b",x;y", b""), form, "a", "b", chunk=9)
    assert one.codes == {1: "row-error"} | dict.fromkeys(range(2, 52), "missing-cell")


def test_such_a_line_may_be_rejected_for_what_else_is_wrong_with_it() -> None:
    result = read_bytes(b'a,b,c\n1,"x\n2,y\n', format_of(), "a", "b")
    assert result.codes == {1: "missing-cell", 2: "missing-cell"}
    assert (result.rejects[1].raw, result.rejects[1].raw_bytes) == (b'1,"x', 4)
    blank = read_bytes(b'a,b\n,"\n2,y\n', format_of(blankRows="skip"), "a", "b")
    assert (blank.codes, blank.values) == ({1: "row-error"}, [("2", "y")])
    bad = read_bytes(b'a,b\n1,"\xff\n2,y\n', format_of(), "a", "b")
    assert bad.codes == {1: "encoding-error"}
