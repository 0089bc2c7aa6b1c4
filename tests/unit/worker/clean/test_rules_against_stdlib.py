"""Transforms of text and values give what Python's own library gives.

The values are drawn by hypothesis; one batch holds many of them, so that columns are what is tested.
"""

from __future__ import annotations

import hashlib
import hmac
import html.parser
import json
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dcp_worker.clean.types.numbers import plain_steps
from dcp_worker.clean.types.types import parser
from support.batches import field_of
from support.transforms import TEXT, agree, columns, done, quick

ASCII = st.text(st.sampled_from("aB.0 ;-_/"), max_size=10)


@quick
@given(columns(TEXT))
def test_texts(values: list[str | None]) -> None:
    agree("nfc", values, lambda v: unicodedata.normalize("NFC", v))
    agree("nfkc", values, lambda v: unicodedata.normalize("NFKC", v))
    agree("stripControl", values, lambda v: "".join(c for c in v if unicodedata.category(c) != "Cc" or c in "\t\r\n"))
    agree({"truncate": {"characters": 3}}, values, lambda v: v[:3])
    agree({"truncate": {"bytes": 5}}, values, lambda v: v.encode()[:5].decode(errors="ignore"))
    agree({"mask": {"keepFirst": 1, "keepLast": 2}}, values, masked)
    agree({"hash": {}}, values, lambda v: hashlib.sha256(v.encode()).hexdigest())
    for name, algorithm in (("sha512", "sha512"), ("sha3-256", "sha3_256"), ("sha1", "sha1"), ("md5", "md5")):
        agree({"hash": {"algorithm": name}}, values, lambda v, a=algorithm: hashlib.new(a, v.encode()).hexdigest())
    key = {"secretKeyRef": {"name": "pepper", "key": "k"}}
    agree({"hmac": {"key": key}}, values, lambda v: hmac.new(b"key-pepper", v.encode(), "sha256").hexdigest())


def masked(value: str) -> str:
    hidden = len(value) - 3
    return value[:1] + "*" * hidden + value[-2:] if hidden > 0 else "*" * len(value)


@quick
@given(columns(ASCII))
def test_ascii_texts(values: list[str | None]) -> None:
    agree("trim", values, str.strip)
    agree("collapse", values, lambda v: re.sub(r"\s+", " ", v))
    agree("lower", values, str.lower)
    agree("upper", values, str.upper)
    agree("title", values, str.title)
    agree({"replace": {"text": ".", "with": "$1"}}, values, lambda v: v.replace(".", "$1"))
    agree({"replace": {"pattern": "([aB])([.0])", "with": "${2}<$1>"}}, values,
          lambda v: re.sub("([aB])([.0])", r"\2<\1>", v))  # fmt: skip
    agree({"extract": {"pattern": "a([^a]*)a"}}, values, lambda v: m[1] if (m := re.search("a([^a]*)a", v)) else None)
    agree({"map": {"values": {"a": "x", "": "y"}}}, values, lambda v: {"a": "x", "": "y"}.get(v, v))
    agree({"map": {"values": {"a": "x"}, "otherwise": "missing"}}, values, {"a": "x"}.get)
    for take in (1, 2, -1, -3):
        agree({"split": {"by": ";", "take": take}}, values, lambda v, n=take: part(v.split(";"), n))


def part(parts: list[str], take: int) -> str | None:
    place = take - 1 if take > 0 else len(parts) + take
    return parts[place] if 0 <= place < len(parts) else None


class Texts(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found = ""

    def handle_data(self, data: str) -> None:
        self.found += data


@quick
@given(columns(st.lists(st.sampled_from(
    ["<b>", "</b>", "<br/>", '<a href="x">', "<!-- c > -->", "<!DOCTYPE html>", "3 < 4", "text ", "\n"]
)).map("".join)))  # fmt: skip
def test_tags_as_the_html_parser_sees_them(values: list[str | None]) -> None:
    def reading(value: str) -> str:
        texts = Texts()
        texts.feed(value)
        texts.close()
        return texts.found

    agree("stripTags", values, reading)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b c"]), inner, max_size=2),
    max_leaves=6,
)  # fmt: skip


@quick
@given(st.lists(JSON, min_size=1, max_size=20), st.booleans())
def test_json_values_as_json_loads_reads_them(documents: list[Any], ascii_only: bool) -> None:
    for path, steps in (("$.a", ["a"]), ("$.a[1]", ["a", 1]), ("$['b c'].a", ["b c", "a"]), ("$[-1]", [-1]), ("$", [])):
        texts = [json.dumps(each, ensure_ascii=ascii_only) for each in documents]
        for text, found in zip(texts, done({"json": {"path": path}}, texts), strict=True):
            wanted = at(json.loads(text), steps)
            if wanted is None or isinstance(wanted, str):
                assert found == wanted
            else:
                assert json.loads(found or "") == wanted


def at(value: Any, steps: list[Any]) -> Any:
    for step in steps:
        if isinstance(step, str) != isinstance(value, dict) or not isinstance(value, dict | list):
            return None
        try:
            value = value[step]
        except (KeyError, IndexError):
            return None
    return value


@quick
@given(columns(st.decimals(-(10**9), 10**9, places=2).map("{:,}".format)))
def test_numbers_with_groups_are_those_that_were_written(values: list[str | None]) -> None:
    german = [None if each is None else each.translate(str.maketrans(",.", ".,")) for each in values]
    for texts, chars in ((values, {"groupChar": ","}), (german, {"groupChar": ".", "decimalChar": ","})):
        (plain,) = plain_steps(field_of(type="number", **chars))
        found = pl.DataFrame({"v": pl.Series(texts, dtype=pl.String)}).select(plain(pl.col("v"))).to_series().to_list()
        assert found == [None if each is None else each.replace(",", "") for each in values]


MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1))


def since_1970(moment: datetime) -> str:
    seconds, rest = divmod((moment - datetime(1970, 1, 1)) // timedelta(microseconds=1), 1_000_000)
    return f"{seconds}.{rest:06}"


@quick
@given(st.lists(st.tuples(MOMENTS, st.integers(0, 3)), min_size=1, max_size=30))
def test_each_of_several_formats_is_read_as_it_was_written(written: list[tuple[datetime, int]]) -> None:
    zone = ZoneInfo("America/New_York")
    writers: list[Callable[[datetime], str]] = [
        lambda m: m.isoformat(),
        since_1970,
        lambda m: m.replace(microsecond=0, tzinfo=UTC).astimezone(zone).strftime("%d/%b/%Y:%H:%M:%S %z"),
        lambda m: m.replace(microsecond=0).strftime("%d.%m.%Y %H:%M:%S") + " +0000",
    ]
    formats = ["default", "epoch-s", "%d/%b/%Y:%H:%M:%S %z", "%d.%m.%Y %H:%M:%S %z"]
    texts = [writers[number](moment) for moment, number in written]
    found = parser(field_of(type="datetime", formats=formats), "path")(pl.Series("v", texts)).to_list()
    assert found == [moment if number < 2 else moment.replace(microsecond=0) for moment, number in written]
