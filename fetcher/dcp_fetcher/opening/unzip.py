"""A zip archive read as a stream: file after file, without seeking to its directory at the end."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.ground.room import Room
from dcp_fetcher.opening.decompress import (
    LONGEST_HEADER_BYTES,
    NEW_MEMBER,
    PIECE_BYTES,
    Inflate,
    Member,
    Peekable,
    member_bytes,
    memory_wanted,
    truncated,
)
from dcp_fetcher.opening.unzip_stored import stored_until_descriptor

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_ENTRY, _DESCRIPTOR = b"PK\x03\x04", b"PK\x07\x08"
_END, _END_BYTES = b"PK\x05\x06", 22
_LONGEST_TAIL_BYTES = _END_BYTES + 65535
"""The archive's end with the longest comment there may be."""
_ENCRYPTED, _SIZES_FOLLOW, _UTF8_NAME = 1, 8, 0x800
_STORED = 0
_MEMBERS: Mapping[int, Callable[[], Member]] = {
    8: lambda: Inflate(-15),
    12: NEW_MEMBER["bzip2"],
    93: NEW_MEMBER["zstd"],
    95: NEW_MEMBER["xz"],
}
"""By method."""
_NAMES = {93: "zstd", 95: "xz"}
_NEWEST_VERSION, _METHODS, _KNOWN_FLAGS = 63, (0, 8, 9, 12, 14, 93, 95), 0x280F
_ZIP64 = 0xFFFFFFFF


def zip_begins(head: bytes) -> int:
    """Where an archive begins behind something else, as behind a program that unpacks itself; 0 where none does."""
    at = head.find(_ENTRY)
    while at > 0 and len(head) - at >= _LOCAL.size:
        _, version, flags, method, _, _, _, packed, plain, name_bytes, _ = _LOCAL.unpack_from(head, at)
        name = head[at + _LOCAL.size : at + _LOCAL.size + name_bytes]
        known = version & 0xFF <= _NEWEST_VERSION and method in _METHODS and not flags & ~_KNOWN_FLAGS
        if known and name and b"\0" not in name and (packed or flags & _SIZES_FOLLOW or not plain):
            return at
        at = head.find(_ENTRY, at + 1)
    return 0


def zip_files(stream: Peekable, room: Room) -> Iterator[tuple[str, Iterator[bytes]]]:
    """(name, bytes) of each file. Folders are passed over; bytes that nobody takes are read along.

    Raises DamagedError for an archive that is cut off, corrupt, encrypted, or of a method that is not known; of
    the files before everything was given by then.
    """
    while stream.peek(4) == _ENTRY:
        entry = _Entry.read(stream)
        if entry.name.endswith("/"):
            for _ in _stored(stream, entry.packed):  # whatever it claims to hold: a piece at a time
                pass
            continue
        if entry.flags & _ENCRYPTED:
            raise DamagedError("the zip archive is encrypted")
        pieces = _checked(stream, entry, room)
        yield entry.name, pieces
        for _ in pieces:
            pass
    tail = b""
    while data := stream.read():
        tail = (tail + data)[-_LONGEST_TAIL_BYTES:]
    end = tail.rfind(_END)
    if end < 0 or len(tail) - end < _END_BYTES:
        raise truncated(stream)


@dataclass(frozen=True)
class _Entry:
    """What stands before a file's bytes."""

    name: str
    flags: int
    method: int
    crc: int
    packed: int

    @staticmethod
    def read(stream: Peekable) -> _Entry:
        _, _, flags, method, _, _, crc, packed, _, name_bytes, extra_bytes = _LOCAL.unpack(stream.exactly(_LOCAL.size))
        name = stream.exactly(name_bytes).decode("utf-8" if flags & _UTF8_NAME else "cp437", errors="replace")
        return _Entry(name, flags, method, crc, _packed_bytes(packed, stream.exactly(extra_bytes)))


def _checked(stream: Peekable, entry: _Entry, room: Room) -> Iterator[bytes]:
    if entry.method == _STORED and entry.flags & _SIZES_FOLLOW and not entry.packed:
        yield from stored_until_descriptor(stream)
        return
    sum_ = 0
    for piece in _pieces(stream, entry.method, entry.packed, room):
        sum_ = zlib.crc32(piece, sum_)
        yield piece
    if sum_ != (_crc_behind(stream) if entry.flags & _SIZES_FOLLOW else entry.crc):
        raise DamagedError("the zip archive is corrupt: its checksum differs")


def _pieces(stream: Peekable, method: int, packed: int, room: Room) -> Iterator[bytes]:
    if method == _STORED:
        yield from _stored(stream, packed)
        return
    if method not in _MEMBERS:
        raise DamagedError(
            f"the zip archive uses method {method}; deflate, bzip2, zstd, xz and stored files are read: pack it anew"
        )
    wanted_bytes = memory_wanted(_NAMES.get(method, ""), stream.peek(LONGEST_HEADER_BYTES))
    with room.taken(wanted_bytes, "a file of the zip archive"):
        yield from member_bytes(stream, _MEMBERS[method](), stream.read())


def _stored(stream: Peekable, count: int) -> Iterator[bytes]:
    while count:
        piece = stream.read(min(count, PIECE_BYTES))
        if not piece:
            raise truncated(stream)
        count -= len(piece)
        yield piece


def _packed_bytes(packed: int, extra: bytes) -> int:
    """The packed size; of a large file it stands in the zip64 part of `extra`, behind the unpacked one."""
    while packed == _ZIP64 and len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == 1 and length >= 16:
            return int(struct.unpack_from("<Q", extra, 12)[0])
        extra = extra[4 + length :]
    return packed


def _crc_behind(stream: Peekable) -> int:
    """From the descriptor behind the file: its signature is optional, its sizes have 4 or 8 bytes."""
    if stream.peek(4) == _DESCRIPTOR:
        stream.exactly(4)
    crc = int(struct.unpack("<I", stream.exactly(4))[0])
    for sizes in (8, 16):
        if stream.peek(sizes + 2)[sizes:] == b"PK":
            stream.exactly(sizes)
            return crc
    raise truncated(stream)
