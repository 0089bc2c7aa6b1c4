"""A tar archive read as a stream, file after file."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator

from dcp_fetcher.ground.errors import CutOffError, DamagedError
from dcp_fetcher.opening.decompress import PIECE_BYTES, Peekable

_BLOCK_BYTES = 512
_LONGEST_HEADERS_BYTES = 32 * 1024
"""What may stand between two files: tarfile holds extended headers in memory, as long as they say they are, and older
ones search them in time that grows with the square of that.
"""
_READ_AHEAD_BYTES = 20 * _BLOCK_BYTES


def is_tar(head: bytes) -> bool:
    """Whether an archive starts like this: a name, and a header whose checksum fits."""
    if len(head) < _BLOCK_BYTES or head[257:262] != b"ustar":
        return False
    try:
        tarfile.TarInfo.frombuf(head[:_BLOCK_BYTES], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def tar_files(stream: Peekable) -> Iterator[tuple[str, Iterator[bytes]]]:
    """(name, bytes) of each regular file; folders, links and devices are passed over.

    Raises DamagedError for an archive that is cut off or corrupt; of the files before everything was given by then.
    """
    source = _Source(stream)
    try:
        with tarfile.open(fileobj=source, mode="r|", bufsize=_READ_AHEAD_BYTES) as archive:  # type: ignore[call-overload]
            while (entry := _next(archive, source)) is not None:
                if not entry.isreg():
                    continue
                pieces = _pieces(archive, entry)
                yield entry.name, pieces
                for _ in pieces:
                    pass
    except tarfile.TarError as error:
        raise CutOffError(f"the tar archive is cut off or corrupt: {error}") from error
    while source.read(PIECE_BYTES):
        pass
    if source.tail != bytes(_BLOCK_BYTES):  # tarfile takes the end of the bytes for the end of the archive
        raise CutOffError("the tar archive is cut off: its end marker is missing")


def _next(archive: tarfile.TarFile, source: _Source) -> tarfile.TarInfo | None:
    archive.members = []  # type: ignore[attr-defined]  # else each file that was read stays known
    source.left = _LONGEST_HEADERS_BYTES
    entry = archive.next()
    source.left = None
    return entry


def _pieces(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> Iterator[bytes]:
    file = archive.extractfile(entry)
    assert file is not None
    given = 0
    try:
        while data := file.read(PIECE_BYTES):
            given += len(data)
            yield data
    except tarfile.TarError as error:
        raise CutOffError(f"the tar archive is cut off inside {entry.name}: {error}") from error
    if given < entry.size:
        raise CutOffError(f"the tar archive is cut off inside {entry.name}")


class _Source:
    """The stream as tarfile reads it. `left`: bytes that may be read until it is set anew."""

    def __init__(self, stream: Peekable) -> None:
        self._stream = stream
        self.left: int | None = _LONGEST_HEADERS_BYTES
        self.tail = b""

    def read(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count and (piece := self._stream.read(count - len(data))):
            data += piece
        if self.left is not None:
            self.left -= len(data)
            if self.left < 0:
                raise DamagedError(f"a header of the tar archive is longer than {_LONGEST_HEADERS_BYTES} bytes")
        self.tail = (self.tail + data[-_BLOCK_BYTES:])[-_BLOCK_BYTES:]
        return bytes(data)
