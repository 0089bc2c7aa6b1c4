"""An object's bytes as records are cut from them: decompressed where they are compressed, within caps."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Iterator

import zstandard

from dcp_fetcher.decompress import (
    PIECE_BYTES,
    RATIO_COUNTS_FROM_BYTES,
    XZ_MEMORY_BYTES,
    Caps,
    Inflate,
    Peekable,
    Readable,
    Zstd,
    compression_of,
    members,
)
from dcp_fetcher.errors import DamagedError
from dcp_fetcher.unzip import unzip

HEAD_BYTES = 512
_TRANSPARENT = ("", "identity")
_UNDONE = ("gzip", "x-gzip", "zstd")


class Decoded:
    """`stream` without its compression.

    `content_encoding` is what an HTTP server says it added although it was not asked to; a file that is compressed
    itself then has two layers. Raises DamagedError for an encoding that cannot be undone, and read() does for data
    that is truncated, corrupt, over its caps, or compressed once more inside.
    """

    def __init__(self, stream: Readable, caps: Caps, content_encoding: str = "") -> None:
        encoding = content_encoding.strip().lower()
        if encoding not in _TRANSPARENT and encoding not in _UNDONE:
            raise DamagedError(f"the server sent Content-Encoding {encoding!r} although it was asked for none")
        self._layers = 1 + (encoding in _UNDONE)
        self._caps = caps
        self._stream = Peekable(stream)
        self.compression: str | None = None
        """Of the outermost layer; None for plain bytes."""
        self._opened = False

    def head(self) -> bytes:
        """The first bytes, which stay to be read."""
        self._open()
        return self._stream.peek(HEAD_BYTES)

    def read(self, most: int = PIECE_BYTES) -> bytes:
        """Some bytes, none at the end."""
        self._open()
        return self._stream.read(most)

    def _open(self) -> None:
        if self._opened:
            return
        self._opened = True
        for _ in range(self._layers):
            name = compression_of(self._stream.peek(HEAD_BYTES))
            if name is None:
                return
            self.compression = self.compression or name
            self._stream = Peekable(Layer(self._stream, name, self._caps))
        name = compression_of(self._stream.peek(HEAD_BYTES))
        if name is not None:
            raise DamagedError(f"inside the {self.compression} data there is {name} data again; it is unpacked once")


class Layer:
    """One compression undone, within its caps."""

    def __init__(self, packed: Peekable, name: str, caps: Caps) -> None:
        self._packed, self._name, self._caps = packed, name, caps
        self._pieces = _pieces(packed, name)
        self._left = b""
        self._out = 0

    def read(self, most: int) -> bytes:
        if not self._left:
            self._left = self._next()
        given, self._left = self._left[:most], self._left[most:]
        return given

    def _next(self) -> bytes:
        try:
            piece = next(self._pieces, b"")
        except (zlib.error, lzma.LZMAError, OSError, EOFError, zstandard.ZstdError, ValueError) as error:
            raise DamagedError(f"the {self._name} data is corrupt after {self._packed.taken} bytes: {error}") from error
        self._out += len(piece)
        caps, packed = self._caps, max(1, self._packed.taken)
        if self._out > caps.max_bytes:
            raise DamagedError(
                f"the {self._name} data unpacks to more than decompression.maxBytes ({caps.max_bytes} bytes)"
            )
        if self._out > RATIO_COUNTS_FROM_BYTES and self._out > caps.max_ratio * packed:
            raise DamagedError(
                f"the {self._name} data unpacks to {self._out} bytes from {packed}, more than decompression.maxRatio "
                f"({caps.max_ratio}) allows"
            )
        return piece


def _pieces(packed: Peekable, name: str) -> Iterator[bytes]:
    if name == "zip":
        return unzip(packed)
    if name == "gzip":
        return members(packed, lambda: Inflate(31))
    if name == "zstd":
        return members(packed, Zstd)
    if name == "bzip2":
        return members(packed, bz2.BZ2Decompressor)
    return members(packed, lambda: lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES))
