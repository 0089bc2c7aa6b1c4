"""Record splitting and the readers of every format: no crash, no record unaccounted for, whatever the bytes."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import assume, event, example, given, reject
from hypothesis import strategies as st

from dcp_fetcher.ground.errors import DamagedError
from dcp_pipeline.spec.model import BatchSize, Format
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.ground.errors import PlanError
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
JSON_LIKE = tuple(each for each in TYPES if format_of(each, pattern="", columns=[]).json_lines)
LOGS = (
    b'<34>1 2026-11-22T10:00:00.003Z host app 1 ID47 [x@1 a="b"] text\n'
    b"<13>Nov 22 10:00:00 host app[7]: text, with 1 comma\n"
    b'192.0.2.1 - bob [22/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "agent \\"x\\""\n'
    b"# a comment\n\n"
)
CORPUS = [LOGS, TABLE, QUOTED, TABLE.replace(b",", b"\t"), LINES, LINES.replace(b"\n", b"\r\n"), b"a\n" * 9, b"", b"a"]
ENCODINGS = st.sampled_from(["utf-8", "utf-8", "latin-1", "cp1252", "gb18030", "euc_jp", "big5"])
CHUNKS = st.lists(st.integers(1, 60), max_size=25)
SIZES = st.builds(size, st.integers(1, 6), st.sampled_from([1, 30, 100, 1000]))
LIMITS = st.sampled_from([12, 60, 1000, 1 << 20])


WORDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "csv": {
        "delimiter": st.sampled_from([",", ";", "|", "\t", " "]),
        "quoteChar": st.sampled_from(['"', '"', "'", ""]),
        "doubleQuote": st.booleans(),
        "escapeChar": st.sampled_from(["\\", "^"]),
        "skipInitialSpace": st.booleans(),
        "commentChar": st.sampled_from(["#", "1"]),
        "header": st.booleans(),
        "labels": st.sampled_from([["a", "b"], ["b", "a", "b"]]),
        "skipRows": st.integers(0, 2),
    },
    "regex": {"pattern": st.sampled_from([r"(?P<a>[^,]*),(?P<b>\d*).*", "(?P<a>.)(?P<d>.*)"])},
    "fixed": {"columns": st.sampled_from([[{"name": "a", "width": 3}, {"name": "b", "width": 1}]])},
    "": {"commentChar": st.sampled_from(["#", "{", "1"])},
}
"""What may be said of a type's format; of the others, ""."""
NEEDED = {"regex": {"pattern"}, "fixed": {"columns"}}


@st.composite
def formats(draw: st.DrawFn, type_: str) -> Format:
    """A format of the type that a spec may say and a plan can follow."""
    strategies = WORDS.get("csv" if type_ == "tsv" else type_, {} if type_ in JSON_LIKE else WORDS[""])
    words = {
        word: draw(values)
        for word, values in strategies.items()
        if word in NEEDED.get(type_, ()) or draw(st.integers(0, 3)) == 3
    }
    encoding, most = draw(ENCODINGS), draw(LIMITS)
    form = format_of(type_, encoding=encoding, maxRecordBytes=str(most), **words)
    try:
        CleaningPlan.compile(CLEANING, form)
    except PlanError:
        reject()
    return form


@pytest.mark.parametrize("type_", TYPES)
@given(st.data(), damaged(CORPUS), CHUNKS, SIZES)
def test_every_record_is_a_row_or_a_reject_with_its_bytes_and_place(
    type_: str, data: st.DataObject, raw: bytes, lengths: list[int], batch: BatchSize
) -> None:
    form = data.draw(formats(type_))
    try:
        outcome = outcome_of(raw, form, batch, CLEANING, lengths)
    except DamagedError as error:
        event(f"refused: {type(error).__name__}")
        return
    assert outcome.read == len(outcome.rows) + len(outcome.rejects) + outcome.duplicates
    assert outcome.duplicates == 0, "without `unique` no record is like another"
    event(f"rows {bool(outcome.rows)}, rejects {bool(outcome.rejects)}")


@pytest.mark.parametrize("type_", TYPES)
@given(st.data(), damaged(CORPUS), CHUNKS, SIZES)
def test_neither_chunks_nor_batches_change_what_becomes_of_a_record(
    type_: str, data: st.DataObject, raw: bytes, lengths: list[int], batch: BatchSize
) -> None:
    form = data.draw(formats(type_))
    try:
        whole = outcome_of(raw, form, size(10_000, 1 << 20), CLEANING)
    except DamagedError:
        with pytest.raises(DamagedError):
            cuts_of(raw, form, batch, lengths)
        return
    assert outcome_of(raw, form, batch, CLEANING, lengths) == whole


def _without_mark(row: tuple[str, str, str], quoting: Any, delimiter: str) -> tuple[str, str, str]:
    """A byte order mark with which a record begins is where files were put one behind the other, and part of no cell."""
    out = io.StringIO(newline="")
    csv.writer(out, quoting=quoting, delimiter=delimiter).writerow(row)
    return (row[0].removeprefix("\ufeff"), *row[1:]) if out.getvalue().startswith("\ufeff") else row


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8)
"""A bare CR is a line end that Python 3.11's writer does not quote."""


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
    rows: list[tuple[str, str, str]], quoting: Any, end: str, delimiter: str, lengths: list[int], batch: BatchSize
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=quoting, lineterminator=end, delimiter=delimiter)
    writer.writerow("abc")
    writer.writerows(rows)
    form = format_of("csv", delimiter=delimiter)
    expected = [_without_mark(row, quoting, delimiter) for row in rows]
    assume(all(any(row) for row in expected))
    outcome = outcome_of(out.getvalue().encode(), form, batch, AS_WRITTEN, lengths)
    assert outcome.rejects == {}
    assert [outcome.rows[number] for number in sorted(outcome.rows)] == expected


values = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(st.lists(st.dictionaries(st.sampled_from("abcz"), values), max_size=8), st.booleans(), CHUNKS, SIZES)
def test_what_a_json_writer_wrote_is_read_as_it_was(
    records: list[dict[str, Any]], ascii_only: bool, lengths: list[int], batch: BatchSize
) -> None:
    raw = "".join(json.dumps(each, ensure_ascii=ascii_only) + "\n" for each in records).encode()
    outcome = outcome_of(raw, format_of("ndjson"), batch, AS_WRITTEN, lengths)
    assert outcome.rejects == {}
    wanted = [tuple(_text(each.get(key)) for key in "abc") for each in records]
    assert [outcome.rows[number] for number in sorted(outcome.rows)] == wanted


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
