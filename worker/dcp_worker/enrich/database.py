"""An MMDB file, opened once per process and opened again when it changes.

The file is mapped into memory, so replace it by renaming a new one over it; never write into it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import maxminddb
import msgspec
from maxminddb.types import Record

from dcp_worker.enrich.errors import EnrichmentError
from dcp_worker.enrich.tree import SearchTree

log = logging.getLogger(__name__)

_Stamp = tuple[int, int, int]
_TRIES = 5
_UNREADABLE = (OSError, ValueError, maxminddb.InvalidDatabaseError)


class Edition(msgspec.Struct, frozen=True):
    """One state of the file. `stamp` (mtime, inode, size) tells it from the next."""

    stamp: _Stamp | None
    reader: maxminddb.Reader
    tree: SearchTree

    def records(self, addresses: Sequence[str]) -> list[Record | None]:
        """The record of each address; they are addresses, and of IPv6 only where the tree `has_ipv6`.

        Raises InvalidDatabaseError where the file is damaged.
        """
        try:
            return list(map(self.reader.get, addresses))
        except ValueError as error:  # text in it that is no UTF-8
            raise maxminddb.InvalidDatabaseError(f"the file is damaged: {error}") from error


class GeoDatabase:
    """The database of a path. Thread-safe."""

    def __init__(self, path: Path, setting: str) -> None:
        """Open it.

        Raises EnrichmentError naming the path and `setting` where the file cannot be read.
        """
        self._path, self._setting = path, setting
        self._lock = threading.Lock()
        try:
            self._edition = _open(path)
        except _UNREADABLE as error:
            raise EnrichmentError(setting, f"{path} cannot be read as an MMDB file: {_why(error)}") from error
        self._seen: _Stamp | None = self._edition.stamp

    def edition(self) -> Edition:
        """The file as it is now; as it was, with one warning, while the new one cannot be read."""
        with self._lock:
            stamp = _stamp(self._path)
            if stamp != self._seen:
                self._seen = stamp
                self._reopen()
            return self._edition

    def _reopen(self) -> None:
        try:
            # The old reader is not closed: another thread may be looking something up. It goes with its last user.
            self._edition = _open(self._path)
            log.info("geolocation database reloaded", extra={"path": str(self._path)})
        except _UNREADABLE as error:
            log.warning(
                "geolocation database cannot be read; the one before stays in use",
                extra={"path": str(self._path), "setting": self._setting, "error": _why(error)},
            )


def _open(path: Path) -> Edition:
    """Library and tree have it open one after the other, and it may be replaced in between."""
    for _ in range(_TRIES):
        stamp = _stamp(path)
        reader = maxminddb.open_database(path)
        tree = SearchTree.read(path, reader.metadata())
        if _stamp(path) == stamp:
            return Edition(stamp, reader, tree)
    raise ValueError("it changes while it is read; replace it by renaming a new one over it")


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _why(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
