"""Files of a folder, or one file."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote_to_bytes, urlsplit

from dcp_fetcher.ground.errors import ChangedError, GoneError, RefusedError, TemporaryError
from dcp_fetcher.sites.listing import Entry, chosen
from dcp_fetcher.sites.site import Opened
from dcp_fetcher.sites.versions import base_of
from dcp_pipeline.ledger.model import SourceObject
from dcp_pipeline.spec.model import FileSource


class FileBody:
    """A file up to the size that it had when it was opened."""

    end_known = True

    def __init__(
        self, file: BinaryIO, path: Path, opened: os.stat_result, offset: int = 0, growing: bool = False
    ) -> None:
        self._file, self._path, self._opened, self._growing = file, path, opened, growing
        self._left = opened.st_size - offset
        self.on_pause: Callable[[], None] | None = None
        self.on_bytes: Callable[[int], None] | None = None
        self._file.seek(offset)

    def read(self, most: int) -> bytes:
        try:
            data = self._file.read(min(most, self._left))
        except OSError as error:
            raise TemporaryError(f"{self._path}: {error.strerror}") from error
        self._left -= len(data)
        if self.on_bytes is not None:
            self.on_bytes(len(data))
        return data

    def seek(self, offset: int) -> bool:
        self._file.seek(offset)
        self._left = self._opened.st_size - offset
        return True

    def check_unchanged(self) -> None:
        """A file that only grew is whole up to where it was read. Of one that is being appended to the time may be new
        while the size is not yet: a write sets them one after the other.
        """
        now = os.fstat(self._file.fileno())
        if now.st_size < self._opened.st_size or (
            not self._growing and now.st_size == self._opened.st_size and now.st_mtime_ns != self._opened.st_mtime_ns
        ):
            raise ChangedError("the file was changed while it was read")

    def close(self) -> None:
        self._file.close()


class FileSite:
    """Opens files by their file:// uri, none but those of its source."""

    def __init__(self, within: Callable[[], Path] | None = None) -> None:
        """`within`: where the source's file or folder is now; None: whatever is named is opened."""
        self._within = within

    def named(self, url: str) -> str:
        return url

    def recorded(self, uri: str) -> str:
        return uri

    def open(self, uri: str, latest: SourceObject | None, settled: bool) -> Opened | None:
        file, path, status = _opened(uri, self._within)
        if settled and latest is not None and base_of(latest.version) == version_of(status):
            file.close()
            return None
        return _as_opened(file, path, status, 0)

    def open_growing(self, uri: str, known: SourceObject | None, offset: int) -> Opened | None:
        file, path, status = _opened(uri, self._within)
        unchanged = known is not None and (known.size_bytes, known.last_modified, known.etag) == (
            status.st_size,
            str(status.st_mtime_ns),
            identity_of(status),
        )
        if unchanged or status.st_size < offset:
            file.close()
            if unchanged:
                return None
            raise ChangedError(f"the file has {status.st_size} bytes now, fewer than were read")
        return _as_opened(file, path, status, offset, growing=True)


def version_of(status: os.stat_result) -> str:
    """A file's version token: size, time of the last change, inode."""
    return f"size:{status.st_size};mtime_ns:{status.st_mtime_ns};inode:{status.st_ino}"


def identity_of(status: os.stat_result) -> str:
    """What tells a file from others while it lives, whatever it is called: device and inode."""
    return f"{status.st_dev}:{status.st_ino}"


def list_files(path: Path, source: FileSource) -> list[Entry]:
    """The files of the folder `path` that are wanted, by name, folders not descended; or the one file. Those that are
    left out by default are marked.

    Raises GoneError or RefusedError where `path` cannot be listed.
    """
    try:
        if not path.is_dir():
            os.stat(path)
            return [Entry(path.resolve().as_uri(), path.name)]
        names = sorted(each.name for each in os.scandir(path) if _is_meant(each))
    except FileNotFoundError:
        raise GoneError(f"{path}: there is no such file or folder") from None
    except OSError as error:
        raise RefusedError(f"{path}: {error.strerror}") from error
    folder = path.resolve()
    entries = (Entry((folder / name).as_uri(), name, problem=why_not_followed(folder, name)) for name in names)
    return chosen(entries, source.include, source.exclude, "file")


def _is_meant(entry: os.DirEntry[str]) -> bool:
    """Whether it is a file, or a link that leads to none: that is told of it, and ends no listing."""
    try:
        return entry.is_file() or (entry.is_symlink() and not entry.is_dir() and not os.path.exists(entry.path))
    except OSError:
        return True


def why_not_followed(folder: Path, name: str) -> str | None:
    """Why a link in a folder is not followed: whoever may put files there may not read all that the fetcher may."""
    link = folder / name
    if not link.is_symlink():
        return None
    if not Path(os.path.realpath(link)).is_relative_to(folder):
        return (
            "it is a link that leads out of its folder; name the file or folder that it leads to in a source of its own"
        )
    try:
        os.stat(link)
    except FileNotFoundError:
        return "it is a link that leads nowhere; mend it, remove it, or name it in file.exclude"
    except OSError as error:
        return (
            f"it is a link that cannot be followed ({error.strerror}); mend it, remove it, or name it in file.exclude"
        )
    return None


def path_of(uri: str) -> Path:
    """The path of a file:// uri."""
    return Path(os.fsdecode(unquote_to_bytes(urlsplit(uri).path)))


def _opened(uri: str, within: Callable[[], Path] | None) -> tuple[BinaryIO, Path, os.stat_result]:
    path = path_of(uri)
    try:
        # Non-blocking: to open a pipe that somebody put there must not hang. For a file it means nothing.
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except (FileNotFoundError, NotADirectoryError):
        raise GoneError(f"{path}: there is no such file") from None
    except OSError as error:
        raise RefusedError(f"{path}: {error.strerror}") from error
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        file.close()
        raise RefusedError(f"{path}: not a regular file")
    if within is not None and not _is_below(file, path, within()):
        file.close()
        raise RefusedError(f"{path}: it leads out of its source's folder")
    return file, path, status


def _is_below(file: BinaryIO, path: Path, within: Path) -> bool:
    """Whether what was opened lies there, or beside it where that is a file: rotated it has another name, and may get
    one while it is looked at. The path was looked at before; since then somebody may have put a link into it, so the
    kernel is asked which file this is.
    """
    try:
        real = Path(os.readlink(f"/proc/self/fd/{file.fileno()}"))
    except OSError:  # no Linux
        real = Path(os.path.realpath(path))
    there = Path(os.path.realpath(within))
    return real.is_relative_to(there) or (not there.is_dir() and real.parent == there.parent)


def _as_opened(file: BinaryIO, path: Path, status: os.stat_result, offset: int, growing: bool = False) -> Opened:
    return Opened(
        version=version_of(status),
        stream=FileBody(file, path, status, offset, growing),
        offset=offset,
        etag=identity_of(status),
        last_modified=str(status.st_mtime_ns),
        size_bytes=status.st_size,
        age_seconds=time.time() - status.st_mtime,
    )
