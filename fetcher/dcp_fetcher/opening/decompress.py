"""Streaming decompression: gzip, zstd, bzip2 and xz, told by their first bytes and never by a name.

What comes out is bounded per step, by size and by ratio: nothing from outside is trusted. archive.py, unzip.py and
untar.py read archives.
"""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import zstandard

from dcp_fetcher.ground.errors import CutOffError, DamagedError
from dcp_fetcher.ground.room import Room

Warn = Callable[[str], object]
"""Told what is left out."""
PIECE_BYTES = 256 * 1024
_LONGEST_MAGIC_BYTES = 16
RATIO_COUNTS_FROM_BYTES = 64 * 1024 * 1024
XZ_MEMORY_BYTES = 96 * 1024 * 1024
"""What `xz -9` takes, and some: a stream says itself how much it wants."""
ZSTD_WINDOW_BYTES = 128 * 1024 * 1024
ZSTD_USUAL_WINDOW_BYTES = 8 * 1024 * 1024
"""Of `zstd -19`."""
ZSTD_STEP_BYTES = 32 * 1024 * 1024
ZSTD_SLICE_BYTES = 1024
"""A zstd block of 4 bytes may stand for 128 KiB, and the library has no bound on its output: so 32 MiB at a time."""

LONGEST_HEADER_BYTES = 64
_ZSTD_SINGLE_SEGMENT, _ZSTD_ID_BYTES, _ZSTD_SIZE_BYTES = 0x20, (0, 1, 2, 4), (1, 2, 4, 8)
_XZ_STREAM_HEADER_BYTES, _XZ_LARGEST = 12, 40
_ZSTD_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")


class Readable(Protocol):
    """A blocking stream: some bytes, at most `most`; none at its end."""

    def read(self, most: int) -> bytes: ...


class Ahead(Readable, Protocol):
    """A stream whose next bytes can be looked at."""

    def peek(self, count: int) -> bytes:
        """The next bytes, fewer only at the end; they stay to be read."""


@dataclass(frozen=True)
class Caps:
    """What a compressed object may grow to. The ratio counts once RATIO_COUNTS_FROM_BYTES came out."""

    max_bytes: int
    max_ratio: int
    room: Room = field(default_factory=Room)
    """Where memory for unpacking comes from."""


class Peekable:
    """A stream whose next bytes can be looked at, or given back."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._ahead = b""
        self._damage: DamagedError | None = None
        self.taken = 0
        """Bytes read from the stream so far."""

    def peek(self, count: int) -> bytes:
        """The next bytes, fewer only at the end or before damage, which read() tells; they stay to be read."""
        while len(self._ahead) < count and (more := self._fetch_ahead()):
            self._ahead += more
        return self._ahead[:count]

    def _fetch_ahead(self) -> bytes:
        try:
            return self._fetch(PIECE_BYTES)
        except DamagedError as error:
            if not self._ahead:
                raise
            self._damage = error
            return b""

    def read(self, most: int = PIECE_BYTES) -> bytes:
        if not self._ahead:
            return self._fetch(most)
        given, self._ahead = self._ahead[:most], self._ahead[most:]
        return given

    def exactly(self, count: int) -> bytes:
        """That many bytes. Raises DamagedError where the stream ends before."""
        given = self.peek(count)
        if len(given) < count:
            raise truncated(self)
        self._ahead = self._ahead[count:]
        return given

    def unread(self, data: bytes) -> None:
        """Give bytes back, to be read next."""
        self._ahead = data + self._ahead

    def _fetch(self, most: int) -> bytes:
        if self._damage is not None:
            raise self._damage
        data = self._stream.read(most)
        self.taken += len(data)
        return data


class Member(Protocol):
    """A decompressor of one gzip member, zstd frame, bzip2 or xz stream, as bz2.BZ2Decompressor is one."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class Inflate:
    """zlib with the interface of bz2. `wbits` as zlib has it: 31 for gzip, -15 for bare deflate."""

    def __init__(self, wbits: int) -> None:
        self._inflate = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        return not self._inflate.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inflate.decompress(self._inflate.unconsumed_tail + data, max(0, max_length))


class Zstd:
    """zstd with the interface of bz2, a slice at a time."""

    def __init__(self) -> None:
        self._frame = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).decompressobj()
        self._pending = b""
        self._at = 0

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def needs_input(self) -> bool:
        return self._at >= len(self._pending)

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data + self._pending[self._at :]

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        if data:
            self._pending, self._at = self._pending[self._at :] + data, 0
        wanted, out = max(1, max_length), bytearray()
        while len(out) < wanted and not self._frame.eof and not self.needs_input:
            out += self._frame.decompress(self._pending[self._at : self._at + ZSTD_SLICE_BYTES])
            self._at += ZSTD_SLICE_BYTES
        return bytes(out)


def members(stream: Peekable, new: Callable[[], Member], name: str, warn: Warn, room: Room) -> Iterator[bytes]:
    """What all members say, one after the other. Zeros between them are padding; what else comes behind a whole member
    is garbage, which is left out and told.

    Raises DamagedError where the last one is cut off; the library's error where one is corrupt.
    """
    whole = 0
    while data := stream.read():
        data = data.lstrip(b"\0")
        if not data:
            continue
        stream.unread(data)
        if whole and compression_of(stream.peek(_LONGEST_MAGIC_BYTES)) != name:
            left = sum(len(piece) for piece in iter(stream.read, b""))
            warn(f"behind the whole {name} data come {left} bytes that are none; they are left out")
            return
        with room.taken(memory_wanted(name, stream.peek(LONGEST_HEADER_BYTES)), f"the {name} data"):
            yield from member_bytes(stream, new(), stream.read())
        whole += 1


def member_bytes(stream: Peekable, member: Member, data: bytes) -> Iterator[bytes]:
    """What one member says, which begins with `data`; what comes behind it is given back.

    Raises DamagedError where it is cut off; the library's error where it is corrupt.
    """
    while True:
        piece = member.decompress(data, PIECE_BYTES)
        data = b""
        if piece:
            yield piece
        if member.eof:
            stream.unread(member.unused_data)
            return
        if member.needs_input and not (data := stream.read()):
            raise truncated(stream)


def memory_wanted(name: str, head: bytes) -> int:
    """What it takes to unpack what begins with `head`, by what it says itself: zstd's window, xz's dictionary; of the
    others little."""
    if name == "zstd" and len(head) > 13 and not _ZSTD_SKIPPABLE.match(head):
        if not head[4] & _ZSTD_SINGLE_SEGMENT:
            return _with_steps((8 + (head[5] & 7)) << (7 + (head[5] >> 3)))
        at, size = 5 + _ZSTD_ID_BYTES[head[4] & 3], _ZSTD_SIZE_BYTES[head[4] >> 6]
        return _with_steps(int.from_bytes(head[at : at + size], "little") + (256 if size == 2 else 0))
    if name == "xz":
        # An LZMA2 filter is its number 0x21, the length 1 of its properties, and the dictionary's size.
        at = head.find(b"\x21\x01", _XZ_STREAM_HEADER_BYTES)
        bits = head[at + 2] if 0 < at < len(head) - 2 else _XZ_LARGEST
        return min(XZ_MEMORY_BYTES, (2 | (bits & 1)) << (bits // 2 + 11))
    return 0


def _with_steps(window_bytes: int) -> int:
    window = min(ZSTD_WINDOW_BYTES, window_bytes)
    return window + (ZSTD_STEP_BYTES if window > ZSTD_USUAL_WINDOW_BYTES else 0)


def truncated(stream: Peekable) -> CutOffError:
    """The error of a compressed stream without its end."""
    return CutOffError(f"the compressed data is truncated: it ends after {stream.taken} bytes, before its end marker")


def compression_of(head: bytes) -> str | None:
    """The name of the compression that starts like this; None for plain bytes."""
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if head.startswith(b"\xfd7zXZ\0"):
        return "xz"
    if head.startswith(b"\x28\xb5\x2f\xfd") or _ZSTD_SKIPPABLE.match(head):
        return "zstd"
    if head.startswith(b"BZh") and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return "bzip2"
    return "zip" if head.startswith((b"PK\x03\x04", b"PK\x05\x06")) else None


class Layer:
    """One compression undone, or an archive's files (`pieces`), within the caps."""

    def __init__(self, packed: Peekable, name: str, caps: Caps, pieces: Iterator[bytes] | None = None) -> None:
        self._packed, self._name, self._caps = packed, name, caps
        self.warnings: list[str] = []
        """What was left out, in words."""
        self._pieces = _pieces(packed, name, self.warnings.append, caps.room) if pieces is None else pieces
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


def _pieces(packed: Peekable, name: str, warn: Warn, room: Room) -> Iterator[bytes]:
    return members(packed, NEW_MEMBER[name], name, warn, room)


NEW_MEMBER: Mapping[str, Callable[[], Member]] = {
    "gzip": lambda: Inflate(31),
    "zstd": Zstd,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES),
}
