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
