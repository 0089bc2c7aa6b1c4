"""growth: append of files: each is followed by what it is, to its end, wherever it was moved.

following.py matches by hints; here is what has to be read for it: the beginning of files that no hint knows. One look
is one pass over the source, and again where a file turned out to be another than was thought.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from dcp_fetcher.following import Found, Matched, inode_of, is_unchanged, match, rotated_from
from dcp_fetcher.ground.errors import (
    ChangedError,
    DamagedError,
    FetchError,
    GoneError,
    NotRecordsError,
)
from dcp_fetcher.ground.wall import reason_of
from dcp_fetcher.objects import Look, ObjectReader, Outcome
from dcp_fetcher.opening.decompress import compression_of
from dcp_fetcher.publishing.publish import Outlet
from dcp_fetcher.reading import CHUNK_BYTES, Content, first_needed
from dcp_fetcher.settling import NO_LINE_END, SOUGHT, Settling
from dcp_fetcher.sites.files.site import path_of
from dcp_fetcher.sites.listing import Entry
from dcp_fetcher.sites.site import Opened
from dcp_fetcher.sites.versions import generation_of
from dcp_fetcher.unavailable import give_up
from dcp_pipeline.batch import digest_of
from dcp_pipeline.database.errors import LedgerConflict
from dcp_pipeline.ledger.model import Cut, ObjectState, SourceObject

log = logging.getLogger(__name__)

PASSES = 6
"""How often one look begins anew because a file was another one than was thought."""
ALIKE_BYTES = 64 * 1024
"""So much of a file is compared with another's beginning to see that it is being copied."""


class _Moved(FetchError):
    """A name leads to another file than a moment ago."""


@dataclass
class _Pass:
    """What one pass knows. `known`: newest first."""

    files: list[Found]
    known: list[SourceObject]
    matched: Matched
    lost: dict[str, frozenset[str]]
    fresh: list[Found] = field(default_factory=list)
    waiting: list[Found] = field(default_factory=list)


class Follower:
    """Looks at the growing files of one source. A look at a time."""

    def __init__(self, reader: ObjectReader, outlet: Outlet, source: str, settling: Settling) -> None:
        self._reader, self._outlet, self._source, self._settling = reader, outlet, source, settling
        self._lock = threading.Lock()
        self._denied: set[tuple[str, str]] = set()
        self._neutral: dict[Found, tuple[int, frozenset[str]]] = {}
        """Files that were no generation's and not new, and at which state of the others."""
        self._copies: set[Found] = set()

    def look(self, entries: Sequence[Entry]) -> list[Look]:
        """Bring every generation up to what lies there. Raises Stopped."""
        bad = [Look(entry.url, Outcome.FAILED, reason=entry.problem) for entry in entries if entry.problem]
        entries = [entry for entry in entries if not entry.problem]
        looks: dict[tuple[str, str | None], Look] = {}
        with self._lock:
            self._denied = set()
            for _ in range(PASSES):
                for look in self._pass(entries):
                    if look is None:
                        break
                    looks[look.uri, look.object_id] = look
                else:
                    return [*bad, *looks.values()]
        moving = [Look(entry.url, Outcome.FAILED, reason="it is moved while it is read") for entry in entries[:1]]
        return [*bad, *looks.values(), *moving]

    def _pass(self, entries: Sequence[Entry]) -> Iterator[Look | None]:
        """The looks; None: begin again."""
        now = self._survey(entries)
        homes = {each.id: now.matched.homes[each.id] for each in now.known if each.id in now.matched.homes}
        by_id = {each.id: each for each in now.known}
        steps: list[tuple[bool, int, SourceObject | None, Found]] = [
            (not file.rotated, file.modified_ns, by_id[id_], file) for id_, file in homes.items()
        ]
        steps += [(not file.rotated, file.modified_ns, None, file) for file in now.fresh]
        yield from self._missing(now)
        for _, _, generation, file in sorted(steps, key=lambda step: step[:2]):
            look = self._tried(generation, file, now)
            yield look
            if look is None:
                return
        for file in now.waiting:
            yield Look(file.uri, Outcome.WAITING, reason="it seems to be a copy that is being made")

    def _tried(self, generation: SourceObject | None, file: Found, now: _Pass) -> Look | None:
        self._outlet.stop.check()
        try:
            return self._begin(file, now) if generation is None else self._read_on(generation, file, now)
        except ChangedError as error:
            if generation is None:
                return Look(file.uri, Outcome.FAILED, reason=str(error))
            if file.rotated and self._ends_inside(generation, file):
                return self._all_read(generation, file)
            log.debug("%s is not at %s: %s", generation.uri, file.uri, error)
            self._denied.add((generation.id, file.identity))
            return None
        except (_Moved, GoneError):
            return None
        except LedgerConflict as error:
            log.info("looking again: %s", error)
            return None
        except BaseException as error:  # noqa: BLE001 (the wall)
            return Look(generation.uri if generation else file.uri, Outcome.FAILED, reason=reason_of(error))

    # What lies there.

    def _survey(self, entries: Sequence[Entry]) -> _Pass:
        ledger, patience = self._outlet.ledger, self._outlet.patience
        known = [each for each in patience(lambda: ledger.objects(self._source)) if generation_of(each.version)]
        incomplete = {each.id for each in patience(ledger.incomplete_objects)}
        files = list(self._files(entries, known))
        matched = match(files, known, self._denied)
        lost = self._reader.lost([each for each in known if each.id in incomplete])
        now = _Pass(files, known, matched, lost)
        # What was no generation's a moment ago is none while the generations and their homes are the same.
        state = (len(known), frozenset(matched.homes))
        unsure = [file for file in matched.unknown if file.size_bytes and self._neutral.get(file) != state]
        if unsure:
            self._prove(now, unsure, state)
        return now

    def _files(self, entries: Sequence[Entry], known: Sequence[SourceObject]) -> Iterator[Found]:
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

    # What no hint knows.

    def _prove(self, now: _Pass, unsure: Sequence[Found], state: tuple[int, frozenset[str]]) -> None:
        """Find the generations that unknown files are, by their beginnings; sort out what is new."""
        firsts = {each.id: cuts[0] for each in now.known if (cuts := self._cuts(each))}
        homes = dict(now.matched.homes)
        longest_bytes = max((cut.end for cut in firsts.values()), default=0)
        # What may be copied is sorted out before its copies.
        for file in sorted(unsure, key=lambda each: (each.rotated, each.modified_ns)):
            beginning, whole = self._beginning(file, longest_bytes)
            alike = [each for each in now.known if _begins(beginning, firsts.get(each.id))]
            alike = [each for each in alike if (each.id, file.identity) not in self._denied]
            homeless = [each for each in alike if each.id not in homes]
            if homeless:
                same_time = [each for each in homeless if each.last_modified == str(file.modified_ns)]
                homes[(same_time or homeless)[0].id] = file
            elif file.rotated and (alike or self._is_copy(beginning, _kin(file, [*homes.values(), *now.fresh]))):
                self._neutral[file] = state
                self._copies.add(file)
            elif file in self._copies:  # its original was read further than it, and is truncated now
                self._neutral[file] = state
            elif file.rotated and not whole:
                now.waiting.append(file)
            elif file.listed or self._is_between(file, now):
                now.fresh.append(file)
            else:
                self._neutral[file] = state
        self._neutral = {file: known for file, known in self._neutral.items() if file in now.matched.unknown}
        self._copies &= set(now.matched.unknown)
        now.matched = Matched(homes, now.matched.unknown)

    def _beginning(self, file: Found, longest_bytes: int) -> tuple[bytes, bool]:
        """Its first bytes, unpacked; False where they end in what may still be written."""
        found = bytearray()
        try:
            opened = self._opened(file, 0)
            with closing(opened.stream):
                content = Content(opened, self._reader.how)
                while len(found) < max(longest_bytes, ALIKE_BYTES) and (data := content.read(CHUNK_BYTES)):
                    found += data
        except (DamagedError, NotRecordsError):
            return bytes(found), False
        except (_Moved, GoneError):
            return b"", False
        except BaseException as error:  # noqa: BLE001 (the wall)
            log.warning("%s: its beginning cannot be read: %s", file.uri, reason_of(error))
            return b"", False
        return bytes(found), True

    def _is_copy(self, beginning: bytes, homes: Iterable[Found]) -> bool:
        """Does another file begin with all of it?"""
        some = beginning[:ALIKE_BYTES]
        for file in homes:
            if some and file.size_bytes >= len(some) and self._beginning(file, len(some))[0].startswith(some):
                return True
        return False

    def _is_between(self, file: Found, now: _Pass) -> bool:
        """Was it written since the file is followed that it was rotated from? (One pass over a folder may miss a file
        that is renamed meanwhile: it is no older for that.)
        """
        base = rotated_from(file.name, {path_of(each.uri).name for each in now.known})
        before = [each for each in now.known if path_of(each.uri).name == base]
        return bool(before) and file.modified_ns > int(before[-1].last_modified or 0)

    # Reading.

    def _opened(self, file: Found, offset: int) -> Opened:
        opened = self._reader.site.open_growing(file.uri, None, offset)
        assert opened is not None
        if opened.etag != file.identity:
            opened.stream.close()
            raise _Moved(f"{file.uri} is another file than a moment ago")
        return opened

    def _begin(self, file: Found, now: _Pass) -> Look:
        before = [generation_of(each.version) for each in now.known if each.uri == file.uri]
        opened = self._opened(file, 0)
        with closing(opened.stream):
            number = max((each[0] for each in before if each), default=0) + 1
            return self._reader.begin_generation(file.uri, number, opened, now.lost, self._ended(file.uri, file))

    def _read_on(self, generation: SourceObject, file: Found, now: _Pass) -> Look:
        ended = self._ended(generation.id, file)
        ripe = ended and (generation.reason or "").startswith(NO_LINE_END)
        if is_unchanged(generation, file) and generation.id not in now.lost and not ripe:
            if file.rotated and (generation.reason or "").startswith(NO_LINE_END):
                return Look(generation.uri, Outcome.WAITING, generation.id, generation.reason)
            return Look(generation.uri, Outcome.UNCHANGED, generation.id)
        cuts = self._cuts(generation)
        _, packed = generation_of(generation.version) or (0, False)
        offset = 0 if packed or _is_packed(file) else first_needed(cuts, now.lost.get(generation.id, frozenset()))
        if offset > file.size_bytes:
            raise ChangedError(f"the file has {file.size_bytes} bytes now, fewer than were read")
        opened = self._opened(file, offset)
        with closing(opened.stream):
            return self._reader.read_generation(generation, opened, now.lost, ended)

    def _ends_inside(self, generation: SourceObject, file: Found) -> bool:
        """Does it hold the beginning of what was read, and no other byte? So does a copy of what was read once more
        before it was truncated.
        """
        try:
            opened = self._opened(file, 0)
            with closing(opened.stream):
                content, at = Content(opened, self._reader.how), generation.header_end
                if len(_some(content, at)) < at:
                    return False
                for number, cut in enumerate(self._cuts(generation)):
                    data = _some(content, cut.end - cut.start)
                    if len(data) < cut.end - cut.start:
                        return number > 0
                    if digest_of(data) != cut.digest:
                        return False
        except FetchError:
            return False
        return False

    def _all_read(self, generation: SourceObject, file: Found) -> Look:
        ledger, id_, cut = self._outlet.ledger, generation.id, ObjectState.CUT
        seen = {"etag": file.identity, "last_modified": str(file.modified_ns), "size_bytes": file.size_bytes}
        self._outlet.patience(lambda: ledger.update_object(id_, state=cut, reason="", **seen))  # type: ignore[arg-type]
        return Look(generation.uri, Outcome.CUT, id_)

    def _ended(self, key: str, file: Found) -> bool:
        """Was it moved aside, and has nobody written to it for long?"""
        if not file.rotated:
            return False
        key = f"{key}:{file.size_bytes}:{file.modified_ns}"
        settled = self._settling.settled(key, time.time() - file.modified_ns / 1e9)
        if settled:
            self._settling.forget(key)
        return settled

    # What is found nowhere.

    def _missing(self, now: _Pass) -> Iterator[Look]:
        newest: set[str] = set()
        names = {path_of(each.uri).name for each in now.known}
        for each in now.known:
            is_newest = each.uri not in newest
            newest.add(each.uri)
            at_home = each.id in now.matched.homes
            if at_home:
                self._settling.forget(_sought_key(each))
            if (
                at_home
                or each.state in (ObjectState.UNAVAILABLE, ObjectState.HISTORY)
                or not path_of(each.uri).parent.is_dir()
            ):
                continue
            live = is_newest and rotated_from(path_of(each.uri).name, names) is None
            if each.state is ObjectState.CUTTING or each.id in now.lost or (live and self._is_sought(each, now)):
                yield self._sought(each, now)

    def _is_sought(self, generation: SourceObject, now: _Pass) -> bool:
        """Another file is in its place; or it is gone and was being written when it was last seen."""
        if generation.uri in {file.uri for file in now.files}:
            return True
        idle_seconds = time.time() - int(generation.last_modified or 0) / 1e9
        return (generation.reason or "").startswith(NO_LINE_END) or idle_seconds < self._settling.seconds

    def _sought(self, generation: SourceObject, now: _Pass) -> Look:
        reason = f"{SOUGHT}: truncated, rotated or replaced, and its file is not found yet"
        ledger, key = self._outlet.ledger, _sought_key(generation)
        if not self._settling.settled(key):
            if (generation.state, generation.reason) != (ObjectState.CUTTING, reason):
                cutting = ObjectState.CUTTING
                self._outlet.patience(lambda: ledger.update_object(generation.id, state=cutting, reason=reason))
            return Look(generation.uri, Outcome.WAITING, generation.id, reason)
        self._settling.forget(key)
        cuts = self._cuts(generation)
        read, seen = cuts[-1].end if cuts else generation.header_end, generation.size_bytes or 0
        why = (
            f"truncated, rotated or replaced, and what it held is found nowhere in its folder: {max(0, seen - read)} "
            "bytes that were seen are not read, and none of those that were written after it was last looked at"
        )
        why = give_up(self._outlet, replace(generation, state=ObjectState.CUTTING), why)
        now.lost.pop(generation.id, None)
        return Look(generation.uri, Outcome.UNAVAILABLE, generation.id, why)

    def _cuts(self, generation: SourceObject) -> list[Cut]:
        return self._outlet.patience(lambda: self._outlet.ledger.cuts(generation.id))


def _some(content: Content, length: int) -> bytes:
    """So many bytes, or fewer at the end."""
    found = bytearray()
    while len(found) < length and (data := content.read(min(CHUNK_BYTES, length - len(found)))):
        found += data
    return bytes(found)


def _sought_key(generation: SourceObject) -> str:
    return f"{generation.id}:sought"


def _kin(file: Found, homes: Iterable[Found]) -> list[Found]:
    """Those that were called alike before they were rotated."""
    base = rotated_from(file.name, {each.name for each in homes})
    return [each for each in homes if base is not None and each.name.startswith(base.partition(".")[0])]


def _begins(beginning: bytes, first: Cut | None) -> bool:
    return (
        first is not None
        and len(beginning) >= first.end
        and digest_of(beginning[first.start : first.end]) == (first.digest)
    )


def _is_packed(file: Found) -> bool:
    try:
        with path_of(file.uri).open("rb") as opened:
            return compression_of(opened.read(512)) is not None
    except OSError:
        return False


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
