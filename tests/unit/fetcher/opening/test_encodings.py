"""Encodings that are told from the bytes, and those that are not."""

from __future__ import annotations

import codecs

import pytest

from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.opening.encodings import sniff
from support.batches import format_of
from support.reading import read_file

TEXTS = {
    "utf-8": "ip;name\n192.0.2.1;Zürich\n192.0.2.2;東京\n",
    "cp1252": "ip;name\n" + "192.0.2.1;Müllerstraße\n192.0.2.2;café\n" * 3,
    "cp1250": "ip;name\n" + "192.0.2.1;Příliš žluťoučký kůň\n" * 5,
    "cp1251": "ip;name\n" + "192.0.2.1;Привет мир, это длинный текст\n" * 5,
    "koi8_r": "ip;name\n" + "192.0.2.1;Привет мир, это длинный текст\n" * 5,
    "utf-16": "ip;name\n192.0.2.1;Zürich\n",
    "utf-16-le": "ip;name\n192.0.2.1;Zürich\n",
    "utf-16-be": "ip;name\n192.0.2.1;Zürich\n",
    "gb18030": "ip;name\n" + "192.0.2.1;你好世界这是一个测试文本\n" * 5,
}


@pytest.mark.parametrize("encoding", TEXTS)
@pytest.mark.parametrize("chunk", [1, 1000])
def test_the_encoding_is_told_from_the_bytes(encoding: str, chunk: int) -> None:
    raw = TEXTS[encoding].encode(encoding)
    result = read_file(raw, format_of(delimiter=";", encoding="auto"), "ip", "name", chunk=chunk)
    assert result.values == [tuple(line.split(";")) for line in TEXTS[encoding].split("\n")[1:-1]]


@pytest.mark.parametrize(
    "raw",
    [
        b"ip;name\n1;\xa4\xff\xfe\xb0\xb1\n" + bytes(range(128, 256)),
        "ip;name\n1;こんにちは\n".encode("cp932"),
        b"a\0b\0\0\0c\x01\x02",
    ],
)
def test_where_the_bytes_do_not_tell_it_is_said_so(raw: bytes) -> None:
    assert sniff(raw, whole=True).encoding is None
    with pytest.raises(DamagedError, match=r"cannot be told.*format\.encoding"):
        read_file(raw, format_of(delimiter=";", encoding="auto"), "ip")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_an_order_of_bytes_that_no_mark_tells_is_asked_for(encoding: str) -> None:
    raw = "ip\n1\n".encode(f"{encoding}-le")
    with pytest.raises(DamagedError, match=r"does not start with BOM: name the order in format\.encoding"):
        read_file(raw, format_of(encoding=encoding), "ip")
    assert read_file(raw, format_of(encoding=f"{encoding}-le"), "ip").values == [("1",)]


def test_a_sample_that_ends_inside_a_character_is_utf8_all_the_same() -> None:
    assert sniff("é東".encode()[:-1], whole=False).encoding == "utf-8"
    assert sniff("é東".encode()[:-1], whole=True).encoding != "utf-8"


def test_utf_16_is_read_with_its_mark_and_half_a_character_costs_its_record() -> None:
    raw = codecs.BOM_UTF16_BE + "a,b\n1,é\n2,".encode("utf-16-be") + b"\xd8\x00" + "\n3,x\n".encode("utf-16-be")
    result = read_file(raw, format_of(encoding="utf-16"), "a", "b", chunk=3)
    assert result.values == [("1", "é"), ("3", "x")]
    assert result.codes == {2: "encoding-error"}


def test_a_byte_that_the_told_encoding_lacks_costs_its_record() -> None:
    raw = ("a,b\n" + "Müllerstraße,café\n" * 3).encode("cp1252") + b"x\x81,2\n" * 1
    result = read_file(raw * 1, format_of(encoding="cp1252"), "a", "b")
    assert result.codes == {4: "encoding-error"}


NAMES = ["Zürich", "Genève", "Łódź", "São Paulo", "東京"]


def lines_of(names: list[str], count: int, **odd: bytes) -> bytes:
    """`count` records of utf-8, of which some are others."""
    lines = [f"{n},{names[n % len(names)]}".encode() for n in range(count)]
    for place, line in odd.items():
        lines[int(place[1:])] = line
    return b"\n".join([b"n,city", *lines, b""])


@pytest.mark.parametrize(
    ("raw", "rejected"),
    [
        (lines_of(NAMES, 2000, n1000=b"1000,Z\xfcrich"), [1001]),
        (lines_of(["Zürich", "Köln", "Malmö"], 300, n299=b"299,Z\xfcrich"), [300]),
        (lines_of(["Köln"], 9, n0=b"0,K\xf6ln"), [1]),
        (lines_of(["plain", "ascii"], 9000, n8999=b"8999,K\xf6ln"), [9000]),
        (lines_of(["北京", "上海"], 30, n3=b"3,\xff\xfe", n4="4,北京".encode("gb18030")), [4, 5]),
        (lines_of(["Köln", "plain"], 200, n7=b"7,a\0b"), [8]),
    ],
)
def test_the_odd_record_of_another_encoding_is_rejected_and_the_others_stay_what_they_are(
    raw: bytes, rejected: list[int]
) -> None:
    result = read_file(raw, format_of(encoding="auto"), "n", "city", max_records=500)
    assert result.codes == dict.fromkeys(rejected, "encoding-error")
    good = [line.decode().split(",") for n, line in enumerate(raw.split(b"\n")[1:-1], 1) if n not in rejected]
    assert result.values == [tuple(cells) for cells in good]
