"""The identity of rows: equal to a plain reference, and no two different tuples share one."""

from __future__ import annotations

import hashlib
import struct
from datetime import date, datetime, time
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcp_pipeline.spec.model import FieldType
from dcp_worker.clean.types.types import POLARS_TYPES
from dcp_worker.ground.fingerprint import FINGERPRINT_BYTES, FINGERPRINT_VERSION, fingerprint, record_identity

EPOCH = datetime(1970, 1, 1)
LETTERS = {
    "string": "s",
    "ip": "s",
    "integer": "i",
    "number": "f",
    "decimal": "e",
    "boolean": "b",
    "date": "d",
    "time": "t",
    "datetime": "m",
}
VALUES: dict[FieldType, st.SearchStrategy[Any]] = {
    "string": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
    | st.text("0123456789:n;", max_size=6),
    "integer": st.integers(-(2**63), 2**63 - 1),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "date": st.dates(date(1000, 1, 1)),
    "time": st.times(),
    "datetime": st.datetimes(datetime(1000, 1, 1)),
    "ip": st.ip_addresses().map(str),
}


def as_text(value: Any) -> str:
    match value:
        case bool():
            return str(int(value))
        case float():
            return str(struct.unpack(">q", struct.pack(">d", value + 0.0))[0])
        case datetime():
            delta = value - EPOCH
            return str((delta.days * 86400 + delta.seconds) * 10**6 + delta.microseconds)
        case date():
            return str((value - EPOCH.date()).days)
        case time():
            return str(((value.hour * 60 + value.minute) * 60 + value.second) * 10**6 + value.microsecond)
        case _:
            return str(value)


def encoded(kinds: list[FieldType], row: tuple[Any, ...]) -> bytes:
    head = f"dcp{FINGERPRINT_VERSION};{''.join(LETTERS[kind] for kind in kinds)};".encode()
    parts = []
    for value in row:
        text = b"" if value is None else as_text(value).encode()
        parts.append((b"n" if value is None else str(len(text)).encode()) + b":" + text)
    return head + b"".join(parts)


def identities(kinds: list[FieldType], rows: list[tuple[Any, ...]]) -> list[bytes]:
    schema = {f"f{n}": POLARS_TYPES[kind] for n, kind in enumerate(kinds)}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.select(fingerprint([(f"f{n}", kind) for n, kind in enumerate(kinds)])).to_series().to_list()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_identity_is_the_hash_of_length_prefixed_values(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=4))
    rows = data.draw(st.lists(st.tuples(*(st.none() | VALUES[kind] for kind in kinds)), min_size=1, max_size=8))
    assert identities(kinds, rows) == [hashlib.sha256(encoded(kinds, row)).digest()[:FINGERPRINT_BYTES] for row in rows]


pairs = st.tuples(*[st.none() | st.text("0123:n;sé", max_size=5)] * 3)


@settings(max_examples=60, deadline=None)
@given(pairs, pairs)
def test_two_different_tuples_never_share_an_encoding(
    one: tuple[str | None, ...], other: tuple[str | None, ...]
) -> None:
    kinds: list[FieldType] = ["string"] * 3
    assert (encoded(kinds, one) == encoded(kinds, other)) == (one == other)
    first, second = identities(kinds, [one, other])
    assert (first == second) == (one == other)


@pytest.mark.parametrize(
    ("kinds", "one", "other", "same"),
    [
        (["string"], (None,), (None,), True),
        (["string"], (None,), ("",), False),
        (["string", "string"], ("a", None), (None, "a"), False),
        (["string", "string"], ("ab", "c"), ("a", "bc"), False),
        (["string"], ("A",), ("a",), False),
        (["number"], (0.0,), (-0.0,), True),
    ],
)
def test_what_counts_as_the_same(
    kinds: list[FieldType], one: tuple[Any, ...], other: tuple[Any, ...], same: bool
) -> None:
    first, second = identities(kinds, [one, other])
    assert (first == second) is same


def test_the_type_is_part_of_the_identity() -> None:
    assert identities(["string"], [("1",)]) != identities(["integer"], [(1,)])


def test_without_unique_fields_the_place_is_the_identity() -> None:
    frame = pl.DataFrame({"n": [1, 2]})
    ids = [frame.select(record_identity(object_id, pl.col("n"))).to_series().to_list() for object_id in ("a", "b")]
    assert len({*ids[0], *ids[1]}) == 4


def test_the_encoding_does_not_change_between_releases() -> None:
    row = (datetime(2026, 10, 1, 12), "192.0.2.1", None, "mirai")
    assert identities(["datetime", "ip", "ip", "string"], [row])[0].hex() == "057fc4e46347a2005a175dea0fc3b496"
