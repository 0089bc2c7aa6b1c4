"""The file: a line that says what it is, then a zstd stream of messages, of which the last one seals the others.

A message is its length (4 bytes) and msgpack: a head, then pages of rows, then the seal with the count of each table's
rows and the SHA-256 of all that came before. A file that is cut off or altered is told; nothing of it is used.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec
import zstandard
from msgspec import Meta
from msgspec.structs import replace

from dcp_pipeline.errors import Unusable

MAGIC = b"dcp backup 1\n"
_LENGTH = struct.Struct(">I")
_MOST_BYTES = 1 << 26
_PAGE_BYTES = 1 << 24
"""Rows that take more go into several pages."""
_MOST_ROWS = 500_000
"""Of a page. Ours have 2,000 rows; they once had as many as go into _PAGE_BYTES."""
_Few = Meta(max_length=100)
_Columns = Meta(max_length=4096)


class Head(msgspec.Struct, frozen=True, tag="head"):
    """What the backup is of."""

    pipeline: str
    table: str
    dialect: str
    schema: int
    """The version of the ledger's tables."""
    release: str
    taken_at: str
    table_ddl: Annotated[tuple[str, ...], _Few]
    """The statements that make the clean table as it stood; none where there was none."""
    books: Annotated[Mapping[str, int], _Few]
    """The sums of the books."""


class Page(msgspec.Struct, frozen=True, tag="page"):
    """Rows of one table. The bounds are there for what somebody else wrote: a byte of it may become a hundred."""

    table: str
    columns: Annotated[tuple[str, ...], _Columns]
    rows: Annotated[list[Annotated[list[Any], _Columns]], Meta(max_length=_MOST_ROWS)]


class Seal(msgspec.Struct, frozen=True, tag="seal"):
    """The end."""

    rows: Annotated[Mapping[str, int], _Few]
    sha256: str


Message = Head | Page | Seal


class Writer:
    """Writes messages to a file that is open for it."""

    def __init__(self, file: BinaryIO) -> None:
        file.write(MAGIC)
        self._stream = zstandard.ZstdCompressor(level=6, write_checksum=True).stream_writer(file, closefd=False)
        self._encoder, self._digest = msgspec.msgpack.Encoder(enc_hook=_plain), hashlib.sha256()
        self.rows: dict[str, int] = {}

    def write(self, message: Head | Page) -> None:
        encoded = self._encoder.encode(message)
        if len(encoded) > _PAGE_BYTES and isinstance(message, Page) and len(message.rows) > 1:
            half = len(message.rows) // 2
            self.write(replace(message, rows=message.rows[:half]))
            self.write(replace(message, rows=message.rows[half:]))
            return
        if len(encoded) > _MOST_BYTES:
            raise Unusable(f"a row of it has {len(encoded):,} bytes: back it up by the tools of the database")
        self._put(encoded)
        if isinstance(message, Page):
            self.rows[message.table] = self.rows.get(message.table, 0) + len(message.rows)

    def seal(self) -> None:
        """Nothing comes after it."""
        self._put(self._encoder.encode(Seal(self.rows, self._digest.hexdigest())))
        self._stream.flush(zstandard.FLUSH_FRAME)

    def _put(self, data: bytes) -> None:
        framed = _LENGTH.pack(len(data)) + data
        self._digest.update(framed)
        self._stream.write(framed)


def may_be_replaced(path: Path) -> bool:
    """Whether nothing but a backup would be lost: it is one, or empty."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) in (MAGIC, b"")


def read_archive(path: Path) -> Iterator[Head | Page]:
    """The head, then the pages. Raises Unusable at the end, or before, where the file is not whole."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise Unusable(f"{path} is no backup of dcp's")
        try:
            yield from _messages(file)
        except (zstandard.ZstdError, msgspec.MsgspecError, RecursionError, UnicodeDecodeError, _Broken) as error:
            raise Unusable(f"{path} is damaged or cut off ({error}); take another backup") from error


class _Broken(Exception):
    pass


def _messages(file: BinaryIO) -> Iterator[Head | Page]:
    decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
    digest, rows = hashlib.sha256(), dict[str, int]()
    with zstandard.ZstdDecompressor().stream_reader(file, closefd=False) as stream:
        while True:
            framed = _framed(stream)
            message = decoder.decode(framed[_LENGTH.size :])
            if isinstance(message, Seal):
                if message.sha256 != digest.hexdigest() or dict(message.rows) != rows:
                    raise _Broken("what it holds is not what was sealed")
                # Reading on is what checks zstd's own sum of the frame.
                if stream.read(1) or file.read(1):
                    raise _Broken("something follows its end")
                return
            digest.update(framed)
            if isinstance(message, Page):
                rows[message.table] = rows.get(message.table, 0) + len(message.rows)
            yield message


def _framed(stream: zstandard.ZstdDecompressionReader) -> bytes:
    length = _exactly(stream, _LENGTH.size)
    (wanted,) = _LENGTH.unpack(length)
    if wanted > _MOST_BYTES:
        raise _Broken("a message of it is too long")
    return length + _exactly(stream, wanted)


def _exactly(stream: zstandard.ZstdDecompressionReader, wanted: int) -> bytes:
    data = bytearray()
    while len(data) < wanted and (more := stream.read(wanted - len(data))):
        data += more
    if len(data) < wanted:
        raise _Broken("it ends before its seal")
    return bytes(data)


def _plain(value: Any) -> Any:
    """What msgpack has no form for, as databases take it. Decimals, dates and times are texts already."""
    if isinstance(value, timedelta):
        microseconds = abs(value) // timedelta(microseconds=1)
        minutes, rest = divmod(microseconds, 60_000_000)
        sign = "-" if value < timedelta() else ""
        return f"{sign}{minutes // 60:02}:{minutes % 60:02}:{rest / 1e6:09.6f}"
    raise NotImplementedError(f"a backup has no form for {type(value).__name__}")
