"""Decompression within its caps, from streams that give any number of bytes at a time."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable

import pytest
import zstandard

from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.opening.decoded import Decoded
from dcp_fetcher.opening.decompress import PIECE_BYTES, ZSTD_SLICE_BYTES, Caps, compression_of

TEXT = b"".join(b"%d,some text\n" % n for n in range(30_000))
CAPS = Caps(max_bytes=1 << 40, max_ratio=250)
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


class Dripping:
    """A stream that gives a few bytes at a time."""

    def __init__(self, content: bytes, most: int) -> None:
        self._content, self._most = io.BytesIO(content), most

    def read(self, most: int) -> bytes:
        return self._content.read(min(most, self._most))


def whole(stream: Decoded) -> bytes:
    return b"".join(iter(stream.read, b""))


@pytest.mark.parametrize("most", [1_000_000, 7])
@pytest.mark.parametrize("kind", PACKERS)
def test_members_follow_each_other_however_the_bytes_come(kind: str, most: int) -> None:
    pack = PACKERS[kind]
    packed = pack(TEXT[:1000]) + pack(b"") + pack(TEXT[1000:])
    decoded = Decoded(Dripping(packed, most), CAPS)
    assert decoded.head() == TEXT[:512]
    assert whole(decoded) == TEXT
    assert decoded.compression == kind


def test_plain_bytes_are_themselves() -> None:
    for content in (b"", b"BZhello,b\n", b"PK,b\n", b"\x1f", TEXT):
        decoded = Decoded(Dripping(content, 5), CAPS)
        assert whole(decoded) == content
        assert decoded.compression is None


def test_gzip_may_be_padded_with_zeros_and_what_else_stands_behind_it_is_told() -> None:
    padded = Decoded(io.BytesIO(gzip.compress(TEXT) + bytes(1000)), CAPS)
    assert (whole(padded), padded.warnings) == (TEXT, ())
    followed = Decoded(io.BytesIO(gzip.compress(TEXT) + b"garbage"), CAPS)
    assert whole(followed) == TEXT
    assert "7 bytes that are none" in followed.warnings[0]


def test_a_wrong_checksum_is_corrupt() -> None:
    packed = bytearray(gzip.compress(TEXT))
    packed[-6] ^= 1
    with pytest.raises(DamagedError, match="corrupt"):
        whole(Decoded(io.BytesIO(bytes(packed)), CAPS))


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_bomb_is_given_in_bounded_pieces_until_its_ratio_stops_it(kind: str) -> None:
    bomb = PACKERS[kind](bytes(100 << 20))
    sizes: list[int] = []

    def drain(decoded: Decoded) -> None:
        sizes.extend(map(len, iter(lambda: decoded.read(1 << 30), b"")))

    with pytest.raises(DamagedError, match=r"maxRatio \(250\)"):
        drain(Decoded(io.BytesIO(bomb), CAPS))
    assert sum(sizes) < 100 << 20
    assert max(sizes) <= (PIECE_BYTES if kind == "gzip" else ZSTD_SLICE_BYTES // 4 * (128 << 10) + PIECE_BYTES)


def test_an_xz_stream_that_wants_too_much_memory_is_refused() -> None:
    greedy = bytearray(lzma.compress(TEXT))
    header = slice(12, 12 + 4 * (greedy[12] + 1) - 4)
    greedy[16] = 40  # The dictionary's size: 4 GiB.
    greedy[header.stop : header.stop + 4] = zlib.crc32(greedy[header]).to_bytes(4, "little")
    with pytest.raises(DamagedError, match=r"corrupt.*[Mm]emory"):
        whole(Decoded(io.BytesIO(bytes(greedy)), CAPS))


def test_compressions_are_known_by_their_first_bytes() -> None:
    assert {compression_of(pack(TEXT)) for pack in PACKERS.values()} == set(PACKERS)
    assert compression_of(b"\x50\x2a\x4d\x18skippable") == "zstd"
    assert compression_of(b"a,b\n") is None
