"""Arrays inside JSON documents, against Python's json module."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.opening.json_array import JsonArray
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
