"""Record splitting and the readers of every format: no crash, no record unaccounted for, whatever the bytes."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from dcp_fetcher.errors import DamagedError
from dcp_pipeline.spec.model import Format
from dcp_pipeline.spec.units import Quantity
from fuzz.mutations import damaged
from fuzz.records import AS_WRITTEN, CLEANING, TYPES, cuts_of, outcome_of, size
from support.batches import format_of

TABLE = (
    b"a,b,c,d,x.y,f\n"
    b"one,1,192.0.2.1,2026-11-22T10:00:00,1.5,true\n"
    b'" Two, ""quoted""",-7,2001:db8::1,2026-11-22 10:00:00,1e3,FALSE\r\n'
    b'"three\nlines\r\n",,::ffff:192.0.2.1,not a date,,\n'
    b"short,2\n"
    b"long,1,2,3,4,5,6,7\n"
    b"\n,,,,,\n"
    b"\xe9\xe8,5,010.1.1.1,9999-12-31T23:59:59.999999Z,-,1\n"
    b"last,9223372036854775808,fe80::1%eth0,1969-12-31T23:59:59+14:00,nan,yes"
)
QUOTED = b'"a","b","c","d","x.y","f"\n' + b'"v","1","192.0.2.7","2026-11-22T10:00:00Z","2","0"\n' * 6
LINES = (
    b'{"a": "one", "b": 1, "c": "192.0.2.1", "d": "2026-11-22T10:00:00Z", "x": {"y": 1.5}, "f": true}\n'
    b'{"a": "\\u00e9 \\"x\\"", "b": null, "x.y": "2", "x": [1]}\r\n'
    b'{"b": 9223372036854775808, "x": {"y": {"z": []}}}\n'
    b"\n[1]\n{}\n"
    b'{"a": {"deep": [{}]}, "a": 2'
)
CORPUS = [TABLE, QUOTED, TABLE.replace(b",", b"\t"), LINES, LINES.replace(b"\n", b"\r\n"), b"a\n" * 9, b"", b"a"]
ENCODINGS = st.sampled_from(["utf-8", "utf-8", "latin-1", "cp1252", "gb18030", "euc_jp", "big5"])
DELIMITERS = st.sampled_from([None, None, ";", "|", "\t", " "])
CHUNKS = st.lists(st.integers(1, 60), max_size=25)
SIZES = st.builds(size, st.integers(1, 6), st.sampled_from([1, 30, 100, 1000]))
LIMITS = st.sampled_from([12, 60, 1000, 1 << 20])


def form_of(type_: str, encoding: str, delimiter: str | None, most: int) -> Format:
    """A format; a delimiter that may be half of a character in its encoding is not tried."""
    chosen: dict[str, Any] = {"delimiter": delimiter} if type_ in ("csv", "tsv") and delimiter else {}
    if delimiter == "|" and encoding in ("gb18030", "big5"):
        chosen = {}
    return format_of(type_, encoding=encoding, maxRecordBytes=str(Quantity(most)), **chosen)


@pytest.mark.parametrize("type_", TYPES)
@given(damaged(CORPUS), ENCODINGS, DELIMITERS, LIMITS, CHUNKS, SIZES)
def test_every_record_is_a_row_or_a_reject_with_its_bytes_and_place(
    type_: str, raw: bytes, encoding: str, delimiter: str | None, most: int, lengths: list[int], batch: Any
) -> None:
    form = form_of(type_, encoding, delimiter, most)
    try:
        outcome = outcome_of(raw, form, batch, CLEANING, lengths)
    except DamagedError as error:
        event(f"refused: {type(error).__name__}")
        return
    assert outcome.read == len(outcome.rows) + len(outcome.rejects) + outcome.duplicates
    assert outcome.duplicates == 0, "without `unique` no record is like another"
    event(f"rows {bool(outcome.rows)}, rejects {bool(outcome.rejects)}")


@pytest.mark.parametrize("type_", TYPES)
@given(damaged(CORPUS), ENCODINGS, DELIMITERS, LIMITS, CHUNKS, SIZES)
def test_neither_chunks_nor_batches_change_what_becomes_of_a_record(
    type_: str, raw: bytes, encoding: str, delimiter: str | None, most: int, lengths: list[int], batch: Any
) -> None:
    form = form_of(type_, encoding, delimiter, most)
    try:
        whole = outcome_of(raw, form, size(10_000, 1 << 20), CLEANING)
    except DamagedError:
        with pytest.raises(DamagedError):
            cuts_of(raw, form, batch, lengths)
        return
    assert outcome_of(raw, form, batch, CLEANING, lengths) == whole


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(
    st.lists(st.tuples(cells, cells, cells).filter(any), max_size=8),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([",", ";", "|"]),
    CHUNKS,
    SIZES,
)
@example([("\ufeffa", "", "")], csv.QUOTE_MINIMAL, "\n", ",", [], size(1, 1))
def test_what_a_csv_writer_wrote_is_read_as_it_was(
    rows: list[tuple[str, str, str]], quoting: Any, end: str, delimiter: str, lengths: list[int], batch: Any
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=quoting, lineterminator=end, delimiter=delimiter)
    writer.writerow("abc")
    writer.writerows(rows)
    form = form_of("csv", "utf-8", delimiter, 1 << 20)
    outcome = outcome_of(out.getvalue().encode(), form, batch, AS_WRITTEN, lengths)
    assert outcome.rejects == {}
    assert [outcome.rows[number] for number in sorted(outcome.rows)] == rows


values = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(st.lists(st.dictionaries(st.sampled_from("abcz"), values), max_size=8), st.booleans(), CHUNKS, SIZES)
def test_what_a_json_writer_wrote_is_read_as_it_was(
    records: list[dict[str, Any]], ascii_only: bool, lengths: list[int], batch: Any
) -> None:
    raw = "".join(json.dumps(each, ensure_ascii=ascii_only) + "\n" for each in records).encode()
    outcome = outcome_of(raw, format_of("ndjson"), batch, AS_WRITTEN, lengths)
    assert outcome.rejects == {}
    wanted = [tuple(_text(each.get(key)) for key in "abc") for each in records]
    assert [outcome.rows[number] for number in sorted(outcome.rows)] == wanted


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
