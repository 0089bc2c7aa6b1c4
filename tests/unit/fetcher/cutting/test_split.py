"""The splitter against Python's csv module and against a model that reads one byte at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dcp_fetcher.cutting.header import HeaderError
from dcp_fetcher.cutting.split import Position, RawCut, Splitter, at_most
from dcp_pipeline.batch import RAW_KEPT_BYTES, digest_of
from dcp_pipeline.spec.model import BatchSize, Format
from dcp_pipeline.spec.units import Quantity

ODD = st.lists(
    st.sampled_from([b'"', b'"', b",", b"\n", b"\r", b"\r\n", b"a", b"bc", b'","', b'"\n"', b" ", b"\xe9", b'""']),
    max_size=60,
).map(b"".join)
LINES = st.lists(st.sampled_from([b"a,b\n", b'"a","b,c"\n', b'"x\ny",z\r\n', b"\n", b"plain\r"]), max_size=40).map(
    b"".join
)
QUOTED = st.lists(
    st.sampled_from(
        [b'"a","b"\n', b'"","x y"\n', b'"a","b"\r\n', b'"","","1"\n', b'"a\nb"\n', b'"c""d"\n', b'",","\n"\n']
    ),
    max_size=9,
).map(b"".join)
CHUNKS = st.lists(st.integers(1, 9), max_size=40)


def form(record_bytes: int = 1 << 20, type_: str = "csv", **more: Any) -> Format:
    return Format(type=type_, max_record_bytes=Quantity(record_bytes), **more)  # type: ignore[arg-type]


def size(records: int = 10_000, bytes_: int = 1 << 20) -> BatchSize:
    return BatchSize(max_records=records, max_bytes=Quantity(bytes_))


def chunked(raw: bytes, lengths: list[int]) -> list[bytes]:
    pieces, at = [], 0
    for length in lengths:
        pieces.append(raw[at : at + length])
        at += length
    return [*pieces, raw[at:]]


def split(raw: bytes, splitter: Splitter, lengths: list[int] | None = None, **finish: bool) -> list[RawCut]:
    cuts = []
    for piece in chunked(raw, lengths or []):
        cuts += splitter.feed(piece)
    return cuts + splitter.finish(**finish)


def headless(form_: Format, batch: BatchSize | None = None) -> Splitter:
    return Splitter(form_, batch or size(), Position())


def one_by_one(raw: bytes, form_: Format | None = None, lengths: list[int] | None = None) -> list[bytes]:
    """Each record's bytes."""
    return [cut.raw for cut in split(raw, headless(form_ or form(), size(records=1)), lengths)]


def records_of_csv_module(raw: bytes) -> list[bytes]:
    """The physical lines that csv.reader takes for each record."""
    lines = list(io.StringIO(raw.decode("latin-1"), newline=""))
    reader, records, before = csv.reader(lines), [], 0
    for _ in reader:
        records.append("".join(lines[before : reader.line_num]).encode("latin-1"))
        before = reader.line_num
    return records


def ends_inside_quotes(raw: bytes) -> bool:
    probe = raw.decode("latin-1") + "\n"
    return "".join(records_text(probe + "x\n")[-1:]) != "x\n"


def records_text(text: str) -> list[str]:
    return [each.decode("latin-1") for each in records_of_csv_module(text.encode("latin-1"))]


@given(st.one_of(ODD, LINES, QUOTED), CHUNKS)
@settings(max_examples=150, deadline=None)
@example(b'a,"b\r', [])
@example(b'"\n"""\n', [])
@example(b'""x"\n"a"b"\n', [1, 1, 1])
def test_lenient_records_are_those_of_the_csv_module_however_the_bytes_are_chunked(
    raw: bytes, lengths: list[int]
) -> None:
    if ends_inside_quotes(raw):
        return
    assert one_by_one(raw, form(lenient_quotes=True), lengths) == records_of_csv_module(raw)


@dataclass
class Modelled:
    raw: bytes
    defect: bool


def model(raw: bytes, most: int, lenient: bool) -> list[Modelled]:
    """docs/formats.md, one byte at a time."""
    step = lenient_step if lenient else strict_step
    found, start = [], 0
    while start < len(raw):
        end, state, crossing = None, "fresh", None
        for at in range(start, len(raw) + 1):
            if state == "broken":
                end = next((after(raw, here) for here in range(start, len(raw)) if raw[here] in b"\r\n"), len(raw))
                crossing = "broken" if len(raw[start:end].rstrip(b"\r\n")) > most else None
                end = None if crossing else end
                break
            if at - start == most + 1:
                crossing = state
                break
            if at == len(raw):
                break
            state, broke = step(state, raw[at : at + 1])
            if broke:
                end = after(raw, at)
                break
        if end is None and crossing is None and state not in ("quoted", "broken"):
            end = len(raw)
        defect = end is None
        if defect and (crossing or state) in ("quoted", "broken"):
            end = next((after(raw, at) for at in range(start, len(raw)) if raw[at] in b"\r\n"), len(raw))
        elif defect:
            end = end_of_long(raw, start, most, step)
        assert end is not None
        found.append(Modelled(raw[start:end], defect))
        start = end
    return found


def end_of_long(raw: bytes, start: int, most: int, step: Callable[[str, bytes], tuple[str, bool]]) -> int:
    state, unquoted = "fresh", False
    for at in range(start, len(raw)):
        if (at - start) % most == 1 % most and at - start > most + 1 and state == "quoted":
            unquoted = True
        unquoted = unquoted or state == "broken"
        state, broke = step(state, raw[at : at + 1])
        if broke or (unquoted and raw[at] in b"\r\n"):
            return after(raw, at)
    return len(raw)


def after(raw: bytes, at: int) -> int:
    return at + 2 if raw[at : at + 2] == b"\r\n" else at + 1


def strict_step(state: str, byte: bytes) -> tuple[str, bool]:
    if state == "broken" or (state == "closing" and byte not in b'",\r\n'):
        return "broken", False
    return lenient_step(state, byte)


def lenient_step(state: str, byte: bytes) -> tuple[str, bool]:
    if state == "quoted":
        return ("closing" if byte == b'"' else "quoted"), False
    if byte in (b"\r", b"\n"):
        return state, True
    if byte == b",":
        return "fresh", False
    if byte == b'"' and state in ("fresh", "closing"):
        return "quoted", False
    return "field", False


@given(st.one_of(ODD, LINES, QUOTED), CHUNKS, st.integers(2, 30), st.integers(1, 4), st.integers(1, 30), st.booleans())
@settings(max_examples=250, deadline=None)
@example(b'"","""\r"', [7], 2, 1, 1, False)
def test_defects_and_batches_are_those_of_the_model(
    raw: bytes, lengths: list[int], most: int, max_records: int, max_bytes: int, lenient: bool
) -> None:
    expected = model(raw, most, lenient)
    cuts = split(raw, headless(form(most, lenient_quotes=lenient), size(max_records, max_bytes)), lengths)
    assert b"".join(cut.raw for cut in cuts) == raw
    assert [(cut.at.offset, cut.end) for cut in cuts] == grouped(expected, max_records, max_bytes)
    assert sum(cut.records for cut in cuts) == len(expected)
    assert [cut.raw for cut in cuts if cut.defect] == [each.raw for each in expected if each.defect]
    for cut in cuts:
        before = raw[: cut.at.offset]
        assert cut.at.line == 1 + before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n")
        assert cut.digest == digest_of(cut.raw)
    numbers = [1 + sum(cut.records for cut in cuts[:n]) for n in range(len(cuts))]
    assert [cut.at.record for cut in cuts] == numbers
    assert [cut.at.sequence for cut in cuts] == list(range(len(cuts)))


def grouped(records: list[Modelled], max_records: int, max_bytes: int) -> list[tuple[int, int]]:
    """The greedy batches."""
    ranges: list[tuple[int, int]] = []
    start = at = count = 0
    for record in records:
        end = at + len(record.raw)
        if count and (record.defect or count == max_records or end - start > max_bytes):
            ranges.append((start, at))
            start, count = at, 0
        at, count = end, count + 1
        if record.defect:
            ranges.append((start, at))
            start, count = at, 0
    return [*ranges, (start, at)] if count else ranges


@given(st.lists(st.sampled_from([b"{}\n", b'{"a":"\n', b"\r\n", b"\r", b"\n", b"12345678"]), max_size=30), CHUNKS)
@settings(max_examples=100, deadline=None)
def test_ndjson_records_are_lines_whatever_quotes_stand_in_them(parts: list[bytes], lengths: list[int]) -> None:
    raw = b"".join(parts)
    lines = raw.split(b"\n") if raw and not raw.endswith(b"\n") else raw.split(b"\n")[:-1]
    assert [one.removesuffix(b"\n") for one in one_by_one(raw, form(type_="ndjson"), lengths)] == lines
    cuts = split(raw, headless(form(6, "ndjson"), size(2)), lengths)
    assert sum(cut.records for cut in cuts) == len(lines)
    too_long = [n for n, line in enumerate(lines) if len(without_return(line, n < raw.count(b"\n"))) > 6]
    assert len([cut for cut in cuts if cut.defect]) == len(too_long)


def without_return(line: bytes, terminated: bool) -> bytes:
    return line[:-1] if terminated and line.endswith(b"\r") else line


def test_the_header_is_the_first_record_behind_mark_and_blank_lines() -> None:
    splitter = Splitter(form(), size())
    cuts = split(b'\xef\xbb\xbf\r\n\n  seen_at ,"src\nip"\r\n1,2\r\n', splitter, [1, 1, 1, 1, 5])
    assert splitter.header is not None
    assert splitter.header.labels == ("seen_at", "src\nip")
    assert (splitter.header.end, splitter.header.lines) == (27, 4)
    assert [(cut.raw, cut.at) for cut in cuts] == [(b"1,2\r\n", Position(27, 0, 1, 5))]


@pytest.mark.parametrize(
    ("raw", "labels", "end"), [(b"", None, 0), (b"\xef\xbb\xbf", None, 3), (b"a,b", ("a", "b"), 3), (b"\r\r", None, 2)]
)
def test_an_object_without_records_has_none(raw: bytes, labels: tuple[str, ...] | None, end: int) -> None:
    splitter = Splitter(form(), size())
    assert split(raw, splitter) == []
    assert splitter.header is not None
    assert (splitter.header.labels, splitter.header.end) == (labels, end)


@pytest.mark.parametrize("raw", [b"a" * 100, b'a,"b\n1,2\n'])
def test_a_first_record_that_cannot_be_a_header_is_said_so(raw: bytes) -> None:
    with pytest.raises(HeaderError, match="header"):
        split(raw, Splitter(form(50), size()))


def test_a_header_with_bad_bytes_keeps_its_other_labels() -> None:
    splitter = Splitter(form(), size())
    split(b"a,\xe9,b\n", splitter)
    assert splitter.header is not None
    assert splitter.header.labels == ("a", "\ufffd", "b")


def test_a_growing_file_keeps_its_unterminated_record_for_later() -> None:
    splitter = Splitter(form(), size())
    cuts = split(b"a,b\n1,2\n3,", splitter, unterminated=False)
    assert [cut.raw for cut in cuts] == [b"1,2\n"]
    later = Splitter(form(), size(), splitter.position)
    assert [(c.raw, c.at) for c in split(b"3,4\n", later)] == [(b"3,4\n", Position(8, 1, 2, 3))]


def test_a_quoted_newline_at_a_batch_boundary_stays_in_its_record() -> None:
    raw = b'a,b\n1,"x\ny"\n2,"x\r\ny"\n'
    assert [cut.raw for cut in split(raw, Splitter(form(), size(1)), [7, 2, 5, 3])] == [b'1,"x\ny"\n', b'2,"x\r\ny"\n']


def test_a_line_of_100_megabytes_is_never_held() -> None:
    splitter = Splitter(form(), size())
    cuts, most = splitter.feed(b"a,b\n1,2\n"), 0
    piece = b"x" * (1 << 20)
    for _ in range(100):
        cuts += splitter.feed(piece)
        most = max(most, splitter.held_bytes)
    cuts += splitter.feed(b"\n3,4\n") + splitter.finish()
    assert most < 4 << 20
    assert [(cut.records, cut.end - cut.at.offset) for cut in cuts] == [(1, 4), (1, (100 << 20) + 1), (1, 4)]
    assert cuts[1].digest == digest_of(piece * 100 + b"\n")
    assert cuts[1].raw == b"x" * RAW_KEPT_BYTES
    assert cuts[1].defect is not None


def test_a_stray_quote_costs_one_line_and_not_the_rest_of_the_file() -> None:
    rest = b"1,2\n" * 50_000
    cuts = split(b'a,b\n"stray,2\n' + rest, Splitter(form(60_000), size()), [30_000] * 7)
    assert [cut.raw for cut in cuts if cut.defect] == [b'"stray,2\n']
    assert sum(cut.records for cut in cuts) == 50_001


def test_a_file_of_stray_quotes_does_not_cost_the_square_of_its_length() -> None:
    lines = 3_000
    raw = b'x"y,"z\n' * lines
    cuts = split(raw, headless(form(1 << 20, lenient_quotes=True)), [1 << 14] * 2)
    assert [cut.records for cut in cuts] == [1] * lines
    assert all(cut.defect for cut in cuts)
    cuts = split(raw, headless(form(1 << 20)), [1 << 14] * 2)
    assert [(cut.records, bool(cut.defect)) for cut in cuts] == [(lines - 1, False), (1, True)]


@pytest.mark.parametrize("delimiter", ["", "ab", '"', "§", "\n"])
def test_a_delimiter_that_bytes_cannot_be_cut_by_is_refused(delimiter: str) -> None:
    with pytest.raises(ValueError, match="delimiter"):
        Splitter(Format(delimiter=delimiter or "ab"), size(), Position())


def test_batches_of_a_few_records_do_not_count_the_rest_of_the_buffer_for_each() -> None:
    looked_at_bytes = 0

    class Counting(bytes):
        def count(self, sought: bytes, start: int, stop: int) -> int:  # type: ignore[override]
            nonlocal looked_at_bytes
            looked_at_bytes += stop - start
            return super().count(sought, start, stop)

    marks = Counting(b"x\n" * 100_000)
    assert at_most(marks, 200, len(marks), 3) == (206, 3)
    assert looked_at_bytes < 10_000
    assert at_most(marks, len(marks) - 8, len(marks), 5) == (len(marks), 4)


@pytest.mark.parametrize("lengths", [[], [1], [9, 1], [3, 3, 3, 3]])
def test_a_comment_longer_than_a_record_may_be_ends_where_it_ends_however_it_arrives(lengths: list[int]) -> None:
    form_ = Format(type="syslog", comment_char="#", max_record_bytes=Quantity(6))
    cuts = split(b"one\n# a long comment\n# one more\ntwo\nsix\n", Splitter(form_, size(1)), lengths)
    assert [cut.raw for cut in cuts] == [b"one\n", b"# a long comment\n# one more\ntwo\n", b"six\n"]
    assert [cut.defect is not None for cut in cuts] == [False, True, False]
