"""An object's bytes as records are cut from them: decompressed where they are compressed, within caps."""

from __future__ import annotations

from dcp_fetcher.cutting.labels_read import Relabelled
from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.opening.archive import joined
from dcp_fetcher.opening.decompress import PIECE_BYTES, Caps, Layer, Peekable, Readable, compression_of
from dcp_fetcher.opening.untar import is_tar, tar_files
from dcp_fetcher.opening.unzip import zip_begins, zip_files
from dcp_pipeline.spec.words.format import Format

HEAD_BYTES = 512
_TRANSPARENT = ("", "identity")
_UNDONE = ("gzip", "x-gzip", "zstd")
_ARCHIVES = ("zip", "tar")
_OFFICE = (b"[Content_Types].xml", b"docProps/", b"xl/workbook.xml", b"xl/worksheets/")
"""Parts of Office's documents, which are zips; one of them stands first."""


class Decoded:
    """`stream` without its compression, and of an archive its files, one after the other (archive.py).

    `content_encoding` is what an HTTP server says it added although it was not asked to; a file that is compressed
    itself then has two layers. Raises DamagedError for an encoding that cannot be undone, and read() does for data
    that is truncated, corrupt, over its caps, or compressed once more inside.
    """

    def __init__(self, stream: Readable, caps: Caps, content_encoding: str = "", form: Format | None = None) -> None:
        encoding = content_encoding.strip().lower()
        if encoding not in _TRANSPARENT and encoding not in _UNDONE:
            raise DamagedError(f"the server sent Content-Encoding {encoding!r} although it was asked for none")
        self._layers = 1 + (encoding in _UNDONE)
        self._caps, self._form = caps, form or Format()
        self._stream = Peekable(stream)
        self.compression: str | None = None
        """Of the outermost layer; None for plain bytes."""
        self.archive = False
        """Whether read() gives the files of an archive, already as lines where the format has others."""
        self.relabelled: list[Relabelled] = []
        """Where a file of the archive begins that has its labels in another order than the one before."""
        self._opened = False
        self._zip_at = 0
        self._layers_open: list[Layer] = []
        self._warnings: list[str] = []

    @property
    def warnings(self) -> tuple[str, ...]:
        """What of the bytes was left out so far, in words."""
        return (*self._warnings, *(said for layer in self._layers_open for said in layer.warnings))

    def head(self) -> bytes:
        """The first bytes, which stay to be read."""
        self._open()
        return self._stream.peek(HEAD_BYTES)

    def peek(self, count: int) -> bytes:
        """The first bytes, as many as are asked for unless it ends before."""
        self._open()
        return self._stream.peek(count)

    def read(self, most: int = PIECE_BYTES) -> bytes:
        """Some bytes, none at the end."""
        self._open()
        return self._stream.read(most)

    def _open(self) -> None:
        if self._opened:
            return
        self._opened = True
        for _ in range(self._layers):
            name = self._compression()
            if name is None or name in _ARCHIVES:
                break
            self._layers_open.append(Layer(self._stream, name, self._caps))
            self._stream = Peekable(self._layers_open[-1])
            self.compression = self.compression or name
        name = self._compression()
        if name == "zip" and any(part in self._stream.peek(HEAD_BYTES) for part in _OFFICE):
            raise DamagedError("it is an Office document, such as an Excel workbook: set format.type to xlsx")
        if name in _ARCHIVES:
            self.compression = self.compression or name
            self.archive = True
            if skipped := self._zip_at if name == "zip" else 0:
                self._stream.exactly(skipped)
                self._warnings.append(f"before the zip archive stand {skipped} bytes that are none; they are left out")
            files = zip_files(self._stream, self._caps.room) if name == "zip" else tar_files(self._stream)
            pieces = joined(files, self._form, self._caps, self.relabelled, self._warnings.append)
            self._stream = Peekable(Layer(self._stream, name, self._caps, pieces))
        elif name is not None:
            raise DamagedError(f"inside the {self.compression} data there is {name} data again; it is unpacked once")

    def _compression(self) -> str | None:
        head = self._stream.peek(HEAD_BYTES)
        name = "tar" if is_tar(head) else compression_of(head)
        if name is None and not self._form.held_whole:
            self._zip_at = zip_begins(head)
            name = "zip" if self._zip_at else None
        return None if name == "zip" and self._form.kind.is_zip else name
