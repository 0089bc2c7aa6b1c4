"""Arrays inside JSON documents, against Python's json module."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.opening.json_array import JsonArray, JsonValues
from dcp_fetcher.opening.json_names import Named
from support.batches import format_of
from support.reading import Served, read_file

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(st.sampled_from('a",:[]{}\\é\n 𝄞'), max_size=5))
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)), max_leaves=6
)  # fmt: skip
RECORDS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "ü"]), VALUES, max_size=3), max_size=6)


def lines(document: bytes, items: str | None = None, chunk: int = 3, longest: int = 1 << 20) -> bytes:
    array = JsonArray(Served(document, chunk), items, longest)
    out = b""
    while data := array.read(chunk):
        out += data
    return out


@given(
    records=RECORDS,
    chunk=st.integers(1, 9),
    indent=st.sampled_from([None, 1]),
    ascii_=st.booleans(),
    deep=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_elements_are_those_of_the_json_module(
    records: list[Any], chunk: int, indent: int | None, ascii_: bool, deep: bool
) -> None:
    before = {"x": [{"items": [1]}, "items"], "items": {"y": [{"z": 1}]}, "s": '"items": ['}
    document = {**before, "result": {"items": records, "after": [1]}, "items2": []} if deep else records
    raw = json.dumps(document, indent=indent, ensure_ascii=ascii_).replace("\n", "\r\n").encode()
    out = lines(raw, "result.items" if deep else None, chunk)
    assert [json.loads(line) for line in out.decode().split("\n")[:-1]] == records
    assert lines(raw, "result.items" if deep else None, 1000) == out


@pytest.mark.parametrize(
    ("document", "items", "said"),
    [
        (b'{"a": 1, "b": [1]}', None, "its keys are a, b"),
        (b'{"a": 1, "b": [1]}', "c", "format.items (c); its keys are a, b"),
        (b'{"b": 7}', "b", "no array at format.items (b)"),
        (b'{"b": "x", "c": []}', "b", "no array at format.items (b)"),
        (b'{"b": {}}', "b", "no array"),
        (b"[1]", "b", "is an array itself"),
        (b"a,b\n1,2\n", None, "no JSON document"),
        (b"", None, "is no array"),
        (b'[{"a": 1}, {"a', None, "cut off"),
    ],
)
def test_a_document_without_the_array_is_damaged_and_said_so(document: bytes, items: str | None, said: str) -> None:
    with pytest.raises(DamagedError) as caught:
        lines(document, items)
    assert said in str(caught.value)


def test_an_array_is_records_by_key_and_path() -> None:
    raw = b'\xef\xbb\xbf{"data": [\n  {"ip": "192.0.2.1",\n   "n": 1.10, "geo": {"cc": "FR"}},\n {"ip": null}\n]}'
    result = read_file(raw, format_of("json", items="data"), "ip", "n", "geo.cc", chunk=5)
    assert result.values == [("192.0.2.1", "1.10", "FR"), (None, None, None)]


def test_an_odd_element_is_a_reject_and_the_others_are_read() -> None:
    raw = b'[{"a": 1}, 7, "x\ny", {"a": "x\ny"}, , {"a": 2},]'
    result = read_file(raw, format_of("json"), "a", chunk=4)
    assert result.rows == {1: ("1",), 6: ("2",)}
    assert result.codes == {2: "row-error", 3: "row-error", 4: "row-error", 5: "blank-row"}


def test_an_element_that_is_too_long_is_a_reject_and_never_held() -> None:
    raw = b'[{"a": 1}, {"a": "' + b"x" * 500_000 + b'"}, {"a": 3}]'
    result = read_file(raw, format_of("json", maxRecordBytes="1Ki"), "a")
    assert (result.values, result.codes) == ([("1",), ("3",)], {2: "row-error"})
    assert result.rejects[2].raw_bytes > 500_000


def test_no_elements_are_no_records() -> None:
    assert read_file(b"[ ]", format_of("json"), "a").read == 0


@given(
    records=RECORDS,
    chunk=st.integers(1, 9),
    indent=st.sampled_from([None, 1]),
    between=st.sampled_from(["", "\n", ",\r\n", "\n\x1e", " "]),
    mark=st.sampled_from(["", "\ufeff"]),
)
@settings(max_examples=100, deadline=None)
def test_values_one_behind_the_other_are_those_of_the_json_module(
    records: list[dict[str, Any]], chunk: int, indent: int | None, between: str, mark: str
) -> None:
    document = mark + between.join(json.dumps(each, indent=indent) for each in records) + between
    values = JsonValues(Served(document.encode(), chunk))
    out = b"".join(iter(lambda: values.read(chunk), b""))
    assert [json.loads(line) for line in out.decode().split("\n")[:-1]] == records


@pytest.mark.parametrize(
    ("raw", "rows", "rejected"),
    [
        (b'{"a": 1}\n{\n "a": 2\n}', [("1",), ("2",)], []),
        (b'null {"a": 1} data: {"a": 2}\n[3]{"a": "}{"}', [("1",), ("2",), ("}{",)], [1, 3, 5]),
        (b'{"a": 1,}{"a": 2}', [("2",)], [1]),
        (b'{"a": "x\ny"}{"a": 2} tail', [("2",)], [1, 3]),
        (b"", [], []),
    ],
)
def test_what_is_no_object_is_a_record_of_its_own(raw: bytes, rows: list[tuple[str]], rejected: list[int]) -> None:
    result = read_file(raw, format_of("json", concatenated=True), "a", chunk=2)
    assert (result.values, list(result.rejects)) == (rows, rejected)


def test_an_object_that_is_cut_off_is_said_and_an_array_that_is_missing_names_the_word() -> None:
    with pytest.raises(DamagedError, match="cut off"):
        read_file(b'{"a": 1}{"a": ', format_of("json", concatenated=True), "a")
    with pytest.raises(DamagedError, match=r"format\.concatenated"):
        read_file(b'{"a": 1}{"a": 2}', format_of("json"), "a")


@pytest.mark.parametrize("raw", [b'\xef\xbb\xbf{"a": 1}\n{"a": 2}\n', b'{"a": 1}\n\xef\xbb\xbf{"a": 2}\r\n'])
@pytest.mark.parametrize("chunk", [1, 100])
def test_a_byte_order_mark_before_a_line_of_ndjson_costs_no_record(raw: bytes, chunk: int) -> None:
    assert read_file(raw, format_of("ndjson"), "a", chunk=chunk).values == [("1",), ("2",)]


NAMED = st.dictionaries(st.text(st.sampled_from('a",:[]{}\\\\é\n 𝄞'), max_size=4), st.one_of(
    st.dictionaries(st.sampled_from(["a", "b", "ü"]), VALUES, max_size=3),
    st.lists(st.dictionaries(st.sampled_from(["a", "b"]), VALUES, max_size=2), max_size=3),
), max_size=5)  # fmt: skip


@given(members=NAMED, chunk=st.integers(1, 9), indent=st.sampled_from([None, 1]), deep=st.booleans())
@settings(max_examples=100, deadline=None)
def test_members_of_an_object_are_records_with_their_names(
    members: dict[str, Any], chunk: int, indent: int | None, deep: bool
) -> None:
    document = {"x": {"data": 1}, "data": members, "after": [1]} if deep else members
    raw = json.dumps(document, indent=indent).encode()
    array = JsonArray(Served(raw, chunk), "data" if deep else None, 1 << 20, by_name=True)
    named = Named(array, "the key", 1 << 20)
    out = b"".join(iter(lambda: named.read(chunk), b""))
    expected = [
        {"the key": name} | each
        for name, value in members.items()
        for each in (value if isinstance(value, list) else [value])
    ]
    assert [json.loads(line) for line in out.decode().split("\n")[:-1]] == expected


@pytest.mark.parametrize(
    ("raw", "items", "said"),
    [
        (b'{"a": {"n": 1}, "b": {"n"', None, "ends inside its object"),
        (b'[{"n": 1}]', None, "no object of records by name"),
        (b'{"data": [1]}', "data", "no object at format.items (data)"),
    ],
)
def test_a_document_without_the_object_is_damaged_and_said_so(raw: bytes, items: str | None, said: str) -> None:
    words = {"keyAs": "id"} | ({"items": items} if items else {})
    with pytest.raises(DamagedError, match=re.escape(said)):
        read_file(raw, format_of("json", **words), "id", "n")


def test_a_member_that_is_no_record_or_too_long_costs_itself() -> None:
    raw = b'{"a": {"n": 1}, "b": 7, "c": {"n": "' + b"x" * 5000 + b'"}, "d": {}, "e": [{"n": 2}, "f"], "g": []}'
    result = read_file(raw, format_of("json", keyAs="id", maxRecordBytes="1Ki"), "id", "n", chunk=100)
    assert (result.read, result.values) == (6, [("a", "1"), ("d", None), ("e", "2")])
    assert result.codes == {2: "row-error", 3: "row-error", 6: "row-error"}
