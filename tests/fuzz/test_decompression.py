"""Compressed bytes from outside: what they hold, or DamagedError, however they arrive; never more than the caps."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tracemalloc
import zipfile
from collections.abc import Callable
from itertools import cycle

import pytest
import zstandard
from hypothesis import event, given
from hypothesis import strategies as st

from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.opening.decoded import Decoded
from dcp_fetcher.opening.decompress import Caps
from fuzz.mutations import damaged

TEXT = b"".join(b"%d,some text of a record,%d\n" % (n, n * n) for n in range(400))
CAPS = Caps(max_bytes=1 << 20, max_ratio=250)


def zipped(content: bytes, method: int = zipfile.ZIP_DEFLATED, folder: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        if folder:
            archive.writestr("folder/", b"")
        archive.writestr("folder/file.csv", content)
        archive.comment = b"a comment"
    return out.getvalue()


def streamed_zip(content: bytes) -> bytes:
    """As `zip -` writes it: sizes and checksum follow the file."""

    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

    out = Unseekable()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("file.csv", "w") as inside:
        inside.write(content)
    return out.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "two gzip members": lambda content: gzip.compress(content[:99], mtime=0) + gzip.compress(content[99:], mtime=0),
    "zstd": zstandard.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": zipped,
    "zip, stored": lambda content: zipped(content, zipfile.ZIP_STORED),
    "zip with a folder": lambda content: zipped(content, folder=True),
    "zip, streamed": streamed_zip,
}
PACKED = [pack(TEXT) for pack in PACKERS.values()]


class Arriving:
    """A stream whose reads give as many bytes as these lengths say, over and over."""

    def __init__(self, content: bytes, lengths: list[int]) -> None:
        self._content, self._lengths = io.BytesIO(content), cycle(lengths)

    def read(self, most: int) -> bytes:
        return self._content.read(min(most, next(self._lengths)))


def unpacked(raw: bytes, lengths: list[int]) -> bytes | None:
    """What is in it; None where it is refused as damaged."""
    decoded = Decoded(Arriving(raw, lengths), CAPS)
    try:
        return b"".join(iter(decoded.read, b""))
    except DamagedError:
        return None


lengths_of_reads = st.lists(st.sampled_from([1, 2, 7, 100, 5_000, 1 << 20]), min_size=1, max_size=5)


@pytest.mark.parametrize("kind", PACKERS)
@given(st.binary(max_size=3000), lengths_of_reads)
def test_what_was_packed_comes_out_however_it_arrives(kind: str, content: bytes, lengths: list[int]) -> None:
    packed = PACKERS[kind](b"a,b\n" + content)
    assert unpacked(packed, lengths) == b"a,b\n" + content


@given(damaged(PACKED), lengths_of_reads)
def test_damaged_data_is_refused_or_read_but_never_differently_for_how_it_arrives(
    raw: bytes, lengths: list[int]
) -> None:
    whole = unpacked(raw, [1 << 20])
    event("refused" if whole is None else "read")
    assert whole is None or len(whole) <= CAPS.max_bytes
    assert unpacked(raw, lengths) == whole


@pytest.mark.parametrize("kind", [kind for kind in PACKERS if kind not in ("plain", "zip, stored")])
def test_a_bomb_is_refused_at_its_cap_in_a_bounded_memory(kind: str) -> None:
    bomb = PACKERS[kind](bytes(128 << 20))
    tracemalloc.start()
    try:
        assert unpacked(bomb, [1 << 20]) is None
        # The zstd library has no bound on its output: a slice of 1 KiB may become 32 MiB, and is copied once.
        assert tracemalloc.get_traced_memory()[1] < (80 << 20 if kind == "zstd" else 16 << 20)
    finally:
        tracemalloc.stop()


def test_what_an_archive_calls_a_folder_is_not_held_in_memory() -> None:
    held = 32 << 20
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("file-x", bytes(held))
        archive.writestr("file.csv", b"a,b\n")
    archive_bytes = out.getvalue().replace(b"file-x", b"folde/")
    tracemalloc.start()
    try:
        assert unpacked(archive_bytes, [1 << 20]) == b"a,b\n"
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
