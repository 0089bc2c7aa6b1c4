"""What lies in the folders of followed files, and opening it as what it was seen to be."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from dcp_fetcher.following.match import Found, inode_of, rotated_from
from dcp_fetcher.ground.errors import ChangedError, FetchError
from dcp_fetcher.opening.decompress import compression_of
from dcp_fetcher.sites.files.site import path_of
from dcp_fetcher.sites.listing import Entry
from dcp_fetcher.sites.site import Opened, Site
from dcp_pipeline.ledger.model import SourceObject


class MovedError(FetchError):
    """A name leads to another file than a moment ago."""


def files_of(entries: Sequence[Entry], known: Sequence[SourceObject]) -> Iterator[Found]:
    """What is listed, and what was once or may have been moved aside from it."""
    listed = {path_of(entry.url): entry.url for entry in entries}
    names = {*(path.name for path in listed), *(path_of(each.uri).name for each in known)}
    bases = frozenset(name for name in names if rotated_from(name, names) is None)
    inodes = {inode_of(each) for each in known}
    folders = dict.fromkeys([*(path.parent for path in listed), *(path_of(each.uri).parent for each in known)])
    seen: set[tuple[int, int]] = set()
    for path, uri in listed.items():
        if (file := _found(path, uri, bases, listed=True)) and (file.device, file.inode) not in seen:
            seen.add((file.device, file.inode))
            yield file
    for folder in folders:
        for path, inode in _inside(folder):
            if path in listed or not (inode in inodes or rotated_from(path.name, bases)):
                continue
            if (file := _found(path, path.as_uri(), bases, listed=False)) and (file.device, file.inode) not in seen:
                seen.add((file.device, file.inode))
                yield file


def opened_as(site: Site, file: Found, offset: int) -> Opened:
    """The file, from `offset` on. Raises MovedError where another one has its name by now, ChangedError where it is
    shorter than that.
    """
    # From its first byte on: a file that has taken its name since, and is shorter, says nothing about this one.
    opened = site.open_growing(file.uri, None, 0)
    assert opened is not None
    if opened.etag != file.identity:
        opened.stream.close()
        raise MovedError(f"{file.uri} is another file than a moment ago")
    if not offset:
        return opened
    size_bytes = opened.size_bytes or 0
    if size_bytes < offset or not opened.stream.seek(offset):
        opened.stream.close()
        raise ChangedError(f"the file has {size_bytes} bytes now, fewer than were read")
    return replace(opened, offset=offset)


def is_packed(site: Site, file: Found) -> bool:
    """Whether it is compressed. Raises what opened_as raises."""
    opened = opened_as(site, file, 0)
    with closing(opened.stream):
        return compression_of(opened.stream.read(512)) is not None


def _inside(folder: Path) -> list[tuple[Path, int]]:
    try:
        with os.scandir(folder) as entries:
            return [(folder / each.name, each.inode()) for each in entries if each.is_file(follow_symlinks=False)]
    except OSError:
        return []


def _found(path: Path, uri: str, bases: Collection[str], listed: bool) -> Found | None:
    try:
        status = path.stat()
    except OSError:
        return None
    rotated = rotated_from(path.name, bases) is not None
    return Found(
        uri, path.name, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, listed=listed, rotated=rotated
    )
