"""Zips that a program wrote which could not go back: sizes stand behind the files; and methods beside deflate."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.ground.room import Room
from dcp_fetcher.opening.decompress import Peekable
from dcp_fetcher.opening.unzip import zip_files


class Pipe(io.RawIOBase):
    """What can only be written on."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.written += data
        return len(data)


class Dripping:
    def __init__(self, content: bytes, most: int) -> None:
        self._content, self._most = io.BytesIO(content), most

    def read(self, most: int) -> bytes:
        return self._content.read(min(most, self._most))


def piped(files: dict[str, bytes], method: int = zipfile.ZIP_STORED, zip64: bool = False) -> bytes:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", method) as archive:
        for name, content in files.items():
            with archive.open(name, "w", force_zip64=zip64) as member:
                member.write(content)
    return bytes(pipe.written)


def unsigned(files: dict[str, bytes]) -> bytes:
    """As old writers left it: descriptors without their signature."""
    out = bytearray()
    for name, content in files.items():
        out += (
            struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 8, 0, 0, 33, 0, 0, 0, len(name), 0)
            + name.encode()
            + content
        )
        out += struct.pack("<III", zlib.crc32(content), len(content), len(content))
    return bytes(out + b"PK\x01\x02" + bytes(42) + b"PK\x05\x06" + bytes(18))


SMALL = {"a.csv": b"id,v\n0,v0\n", "b.csv": b"id,v\n3,v3"}
INNER = piped({"c": b"PK\x07\x08" * 50, "d": b"x" * 1000})
ODD = {
    "an archive": INNER,
    "empty": b"",
    "signatures": b"PK\x07\x08PK\x03\x04PK\x01\x02" * 30_000,
    "long": bytes(range(256)) * 3000,
    "ends like one": b"1" + struct.pack("<4sIII", b"PK\x07\x08", 5, 1, 1),
}


def read(raw: bytes, most: int) -> Iterator[tuple[str, bytes]]:
    for name, pieces in zip_files(Peekable(Dripping(raw, most)), Room()):
        yield name, b"".join(pieces)


@pytest.mark.parametrize("most", [11, 1 << 20])
@pytest.mark.parametrize(
    ("raw", "files"),
    [
        (piped(SMALL), SMALL),
        (piped(SMALL, zip64=True), SMALL),
        (unsigned(SMALL), SMALL),
        (piped({"first": b"", "a": b"PK"}, zip64=True), {"first": b"", "a": b"PK"}),
        (piped(SMALL, zipfile.ZIP_DEFLATED), SMALL),
        (piped(SMALL, zipfile.ZIP_BZIP2), SMALL),
        (unsigned({"x": INNER, "y": b""}), {"x": INNER, "y": b""}),
    ],
)
def test_a_stored_file_ends_at_the_descriptor_that_is_its_own(raw: bytes, files: dict[str, bytes], most: int) -> None:
    assert dict(read(raw, most)) == files


@pytest.mark.parametrize("zip64", [False, True])
def test_bytes_that_look_like_a_zips_end_no_stored_file(zip64: bool) -> None:
    assert dict(read(piped(ODD, zip64=zip64), 65_537)) == ODD


@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9])
def test_a_stored_file_whose_end_never_comes_is_cut_off(cut: float) -> None:
    raw = piped({"long": ODD["long"]})
    with pytest.raises(DamagedError, match="truncated"):
        dict(read(raw[: int(len(raw) * cut)], 65_537))


def test_a_byte_that_changed_is_found() -> None:
    raw = bytearray(piped({"a.csv": b"id,v\n" + b"1,one\n" * 100}))
    raw[60] ^= 1
    with pytest.raises(DamagedError):
        dict(read(bytes(raw), 1 << 20))


def test_a_method_that_is_not_read_is_named() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.csv", SMALL["a.csv"])
    with pytest.raises(DamagedError, match="method 14; deflate, bzip2, zstd, xz and stored files are read"):
        dict(read(out.getvalue(), 1 << 20))
