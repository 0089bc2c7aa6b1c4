"""csv dialects: read as docs/formats.md says, and where quotes are lenient as Python's csv module reads them."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dcp_fetcher.cutting.header import HeaderError
from dcp_fetcher.cutting.split import Position, Splitter
from dcp_pipeline.spec.model import BatchSize, Format
from dcp_worker.formats.readers import spans_of
from oracle.quotes import Words, records
from support.batches import format_of
from support.reading import read_bytes

DIALECTS: dict[str, dict[str, Any]] = {
    "single quotes": {"quoteChar": "'"},
    "no quotes": {"quoteChar": ""},
    "escapes": {"escapeChar": "\\", "doubleQuote": False},
    "escapes and doubled quotes": {"escapeChar": "\\"},
    "initial blanks": {"skipInitialSpace": True, "delimiter": ";"},
    "everything": {"quoteChar": "'", "escapeChar": "\\", "skipInitialSpace": True, "delimiter": "|"},
}
PIECES = [b'"', b"'", b"\\", b" ", b",", b";", b"|", b"\n", b"\r\n", b"\r", b"a", b"bc", b"#", b'","', b"''", b"\xe9"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join)
CHUNKS = st.integers(1, 9)


def records_of_csv_module(raw: bytes, form: Format) -> tuple[list[list[str]], list[bytes]]:
    lines = list(io.StringIO(raw.decode("latin-1"), newline=""))
    reader, rows, records, before = csv.reader(lines, **form.csv_words()), [], [], 0
    for row in reader:
        rows.append(row)
        records.append("".join(lines[before : reader.line_num]).encode("latin-1"))
        before = reader.line_num
    return rows, records


def cut(raw: bytes, form: Format, chunk: int) -> list[bytes]:
    splitter = Splitter(form, BatchSize(max_records=1), Position())
    cuts = [each for at in range(0, len(raw), chunk) for each in splitter.feed(raw[at : at + chunk])]
    return [each.raw for each in cuts + splitter.finish()]


@pytest.mark.parametrize("name", DIALECTS)
@given(raw=TEXTS, chunk=CHUNKS)
@example(raw=b"a\\\r\nb,c\n", chunk=1)
@example(raw=b'"a"\\,b\n', chunk=1)
@settings(max_examples=150, deadline=None)
def test_lenient_records_are_those_of_the_csv_module(name: str, raw: bytes, chunk: int) -> None:
    form = format_of(**DIALECTS[name], lenientQuotes=True)
    raw += b"\nx"  # where a quote is left open the rest differs by design: one line is lost and not the file
    rows, records = records_of_csv_module(raw, form)
    if rows[-1] != ["x"]:
        return
    assert cut(raw, form, chunk) == records
    places = [raw[span.start : span.end] for span in spans_of(raw, form)]
    stripped = [record[:-2] if record.endswith(b"\r\n") else record.rstrip(b"\r\n") for record in records[:-1]]
    assert [place.rstrip(b"\r\n") for place in places[:-1]] == [record.rstrip(b"\r\n") for record in stripped]


def words_of(form: Format) -> Words:
    escape = form.escape_char or ""
    return Words(form.separator, form.quote, form.double_quote, escape, form.skip_initial_space)


@pytest.mark.parametrize("name", ["plain", *DIALECTS])
@given(raw=TEXTS, chunk=CHUNKS, most=st.sampled_from([1, 2, 50]))
@example(raw=b'1,"open\n"x",2\n3,4\n', chunk=1, most=1)
@example(raw=b'a,"b\nc" d\n,"e"\n', chunk=3, most=2)
@example(raw=b'"\n\\\n","', chunk=1, most=1)
@example(raw=b'\\\n,","\'', chunk=1, most=1)
@example(raw=b'1,"2\n3,4\n5,6\n', chunk=1, most=1)
@example(raw=b'1,"\n,\n,"\n3,4\n', chunk=2, most=2)
@example(raw=b'1,2,"\n3,4,5\n', chunk=2, most=2)
@example(raw=b'"\xff",a"\n1,"b\n2,"\xff"\n3,c"\n', chunk=2, most=50)
@settings(max_examples=100, deadline=None)
def test_what_fetcher_and_worker_read_is_what_the_oracle_reads(name: str, raw: bytes, chunk: int, most: int) -> None:
    form = format_of(header=False, labels=["a", "b"], encoding="latin-1", **DIALECTS.get(name, {}))
    raw = raw.rstrip((form.escape_char or "\0").encode())  # with nothing behind it csv.reader makes a line break of it
    expected = list(records(raw.decode("latin-1"), words_of(form)))
    result = read_bytes(raw, form, "a", "b", chunk=chunk, max_records=most)
    assert result.read == len(expected)
    broken = {number for number, each in enumerate(expected, 1) if each.cells is None}
    # An escaped line break at the end of a batch is one for whoever reads it alone: rejected too, by another name.
    alone = {n for n in broken if form.escape_char and expected[n - 1].text.rstrip("\r\n").endswith(form.escape_char)}
    assert {number for number, code in result.codes.items() if code == "row-error" or number in alone} == broken
    good = {number: tuple(each.cells) for number, each in enumerate(expected, 1) if each.cells}
    assert result.rows == {number: cells for number, cells in good.items() if len(cells) == 2 and any(cells)}
    assert [result.rejects[number].raw.decode("latin-1").rstrip("\r\n") for number in sorted(broken)] == [
        expected[number - 1].text.rstrip("\r\n") for number in sorted(broken)
    ]


@pytest.mark.parametrize("name", DIALECTS)
def test_cells_are_those_of_the_csv_module(name: str) -> None:
    form = format_of(header=False, labels=["a", "b", "c"], encoding="latin-1", **DIALECTS[name])
    mark, quote = form.separator, form.quote
    lines = [f"{quote}x{mark if quote else ''}{quote}{mark} y{mark}é", f"1{mark}{mark}3", f"1{mark}2", ""]
    raw = "\r\n".join(lines).encode("latin-1") + b"\n"
    rows, _ = records_of_csv_module(raw, form)
    result = read_bytes(raw, form, "a", "b", "c")
    assert result.values == [tuple(row) for row in rows if len(row) == 3]
    assert result.codes == {3: "missing-cell", 4: "blank-row"}
    assert [reject.line for reject in result.rejects.values()] == [3, 4]


def lines_in(raw: bytes) -> int:
    return raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")


PARTS = [b"Cc\n", b'C"open\r\n', b"C\r", b"C 'x\n", b"1,2\n", b"Qx\nCyQ,2\r\n", b"x,Q,\rC\nQ\n", b"a:b\r"]


@pytest.mark.parametrize(
    "words", [{}, {"delimiter": ";", "commentChar": ";"}, {"quoteChar": "'"}, {"escapeChar": "\\"}]
)
@given(parts=st.lists(st.sampled_from(PARTS), max_size=12), chunk=CHUNKS)
@settings(max_examples=100, deadline=None)
def test_comments_are_no_records_and_change_no_ones_place(
    words: dict[str, Any], parts: list[bytes], chunk: int
) -> None:
    form = format_of(**{"commentChar": "#", **words})
    mark, quote, separator = ((each or "").encode() for each in (form.comment_char, form.quote, form.separator))
    parts = [part.replace(b"C", mark).replace(b"Q", quote).replace(b",", separator) for part in parts]
    raw = b"".join(parts)
    records = [(part.rstrip(b"\r\n"), number) for number, part in enumerate(parts) if not part.startswith(mark)]
    expected = [(record, lines_in(b"".join(parts[:number]))) for record, number in records]
    assert [(raw[span.start : span.end], span.line) for span in spans_of(raw, form)] == expected
    pieces = cut(raw, form, chunk)
    assert raw.startswith(b"".join(pieces))
    assert len(pieces) == len(records)
    assert all(piece.rstrip(b"\r\n").endswith(record) for piece, (record, _) in zip(pieces, records, strict=True))


def test_a_comment_longer_than_a_chunk_and_a_comment_at_the_end_belong_to_nobody() -> None:
    raw = b"# " + b"x" * 50 + b"\na,b\n1,2\n#in\n#between\n3,4\n# END 2 records\n"
    result = read_bytes(raw, format_of(commentChar="#"), "a", "b")
    assert (result.read, result.values) == (2, [("1", "2"), ("3", "4")])


def test_a_reject_behind_comments_names_its_own_line_and_bytes() -> None:
    result = read_bytes(b"#\na,b\n#\n#\n1,2,3\n", format_of(commentChar="#"), "a", "b")
    reject = result.rejects[1]
    assert (reject.code, reject.line, reject.start, reject.raw) == ("extra-cell", 5, 10, b"1,2,3")


def test_the_labels_may_stand_in_the_last_comment_with_a_delimiter() -> None:
    raw = b'########\n# Terms, of use #\n#\n# "first_seen", "ip" \n###\n"2024-01-01", "192.0.2.1"\n# END\n'
    form = format_of(commentChar="#", commentedHeader=True, skipInitialSpace=True)
    result = read_bytes(raw, form, "first_seen", "ip")
    assert result.labels == ("first_seen", "ip")
    assert result.values == [("2024-01-01", "192.0.2.1")]


def test_a_file_without_such_a_comment_is_said_so() -> None:
    with pytest.raises(HeaderError, match="none has labels"):
        read_bytes(b"# nothing\n1,2\n", format_of(commentChar="#", commentedHeader=True), "a")


@pytest.mark.parametrize(
    ("raw", "words", "labels", "values"),
    [
        (b"1,2\n3,4\n", {"header": False}, ("col1", "col2"), [("1", "2"), ("3", "4")]),
        (b"\xef\xbb\xbf1,2\n", {"header": False, "labels": ["x", "col2"]}, ("x", "col2"), [(None, "2")]),
        (b"Report\nof today\n\ncol1,col2\n1,2\n", {"skipRows": 2}, ("col1", "col2"), [("1", "2")]),
        (b"junk,\n1,2", {"skipRows": 1, "header": False}, ("col1", "col2"), [("1", "2")]),
        (b"", {"header": False}, None, []),
    ],
)
def test_labels_without_a_header_row(
    raw: bytes, words: dict[str, Any], labels: tuple[str, ...] | None, values: list[tuple[str | None, ...]]
) -> None:
    result = read_bytes(raw, format_of(**words), "col1", "col2")
    assert (result.labels, result.values) == (labels, values)


def test_an_open_quote_behind_comments_costs_its_own_line_only() -> None:
    form = format_of(commentChar="#", maxRecordBytes="20")
    result = read_bytes(b'a,b\n#c\n\'"x\n#d\n"open,2\n1,2\n3,4\n5,6\n7,8\n9,0\n', form, "a", "b")
    assert result.codes == {1: "missing-cell", 2: "row-error"}
    assert result.values == [("1", "2"), ("3", "4"), ("5", "6"), ("7", "8"), ("9", "0")]


@pytest.mark.parametrize(("lenient", "cuts"), [(True, [1] * 3_000), (False, [2_999, 1])])
def test_a_file_of_stray_quotes_does_not_cost_the_square_of_its_length(lenient: bool, cuts: list[int]) -> None:
    splitter = Splitter(format_of(commentChar="#", lenientQuotes=lenient), BatchSize(), Position())
    found = splitter.feed(b'#\nx"y,"z\n' * 3_000) + splitter.finish()
    assert [each.records for each in found] == cuts
