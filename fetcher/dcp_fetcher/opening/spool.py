"""A stream kept in a temporary file, for formats that are read from their end."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.opening.decompress import PIECE_BYTES, Readable


@contextmanager
def spooled(stream: Readable, longest_bytes: int, what: str) -> Iterator[Path]:
    """The file, removed afterwards. Raises DamagedError where it would be longer than `longest_bytes`."""
    with tempfile.NamedTemporaryFile(prefix="dcp-", suffix=f".{what}") as file:
        size = 0
        while data := stream.read(PIECE_BYTES):
            size += len(data)
            if size > longest_bytes:
                raise DamagedError(f"the {what} file is longer than {longest_bytes} bytes, the most that is read")
            file.write(data)
        file.flush()
        yield Path(file.name)


class Generated:
    """Bytes of a generator that begins when they are first asked for."""

    def __init__(self, make: Callable[[], Iterator[bytes]]) -> None:
        self._make = make
        self._pieces: Iterator[bytes] | None = None
        self._left = b""

    def read(self, most: int = PIECE_BYTES) -> bytes:
        """Some bytes; none at the end."""
        if self._pieces is None:
            self._pieces = self._make()
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._left = piece
        given, self._left = self._left[:most], self._left[most:]
        return given
