"""Which file is which: the files of a folder matched with the generations that the ledger knows. Pure.

A file is what it holds, not what it is called. Device and inode are a hint that is cheap to look at; the proof is the
digest of what was cut first, which beginnings.py reads where no hint leads anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dcp_pipeline.ledger.model import ObjectState, SourceObject

_PACKED = re.compile(r"\.(gz|bz2|xz|zst|lz4|Z)$")
_AGE = re.compile(r"[-._](\d[\d._:TZ+-]*|old|bak|prev)")


@dataclass(frozen=True)
class Found:
    """A file as it lies in a folder. `rotated`: it is called as one that was moved aside."""

    uri: str
    name: str
    device: int
    inode: int
    size_bytes: int
    modified_ns: int
    listed: bool
    rotated: bool

    @property
    def identity(self) -> str:
        """As the ledger keeps it."""
        return f"{self.device}:{self.inode}"


@dataclass(frozen=True)
class Matched:
    """`homes`: where a generation is (by its id). `unknown`: files that are none by their hints."""

    homes: Mapping[str, Found]
    unknown: Sequence[Found]


def match(files: Iterable[Found], generations: Sequence[SourceObject], denied: Collection[tuple[str, str]]) -> Matched:
    """By inode and size. `generations`: newest first; `denied`: (object id, identity) that was tried and is not so."""
    by_inode: dict[int, list[SourceObject]] = {}
    for each in generations:
        by_inode.setdefault(inode_of(each), []).append(each)
    homes: dict[str, Found] = {}
    unknown = []
    for file in files:
        at_home = next((g for g in by_inode.get(file.inode, []) if _fits(g, file, denied) and g.id not in homes), None)
        if at_home is None:
            unknown.append(file)
        else:
            homes[at_home.id] = file
    return Matched(homes, unknown)


def _fits(generation: SourceObject, file: Found, denied: Collection[tuple[str, str]]) -> bool:
    shrunk = file.size_bytes < (generation.size_bytes or 0)
    return not shrunk and (generation.id, file.identity) not in denied


def inode_of(generation: SourceObject) -> int:
    """The inode that it was last seen under; older releases recorded no device."""
    number = (generation.etag or "").rpartition(":")[2]
    return int(number) if number.isdigit() else -1


def is_unchanged(generation: SourceObject, file: Found) -> bool:
    """Is there nothing to read, as far as size and time tell?"""
    recorded = (generation.size_bytes, generation.last_modified, inode_of(generation))
    return generation.state is not ObjectState.CUTTING and recorded == (
        file.size_bytes,
        str(file.modified_ns),
        file.inode,
    )


def rotated_from(name: str, bases: Collection[str]) -> str | None:
    """The base that logrotate or its like made a name of: app.log for app.log.1, app.log-20261129.gz, app-2.log."""
    return next((base for base in _bases_of(name) if base in bases), None)


def _bases_of(name: str) -> Iterator[str]:
    """What it may have been called before, the longest first."""
    plain = _PACKED.sub("", name)
    if plain != name:
        yield plain
    stem, dot, extension = plain.rpartition(".")
    for at in range(len(plain) - 1, 0, -1):
        if _AGE.fullmatch(plain, at):
            yield plain[:at]
        if dot and at < len(stem) and _AGE.fullmatch(stem, at):
            yield f"{stem[:at]}.{extension}"
