"""growth: append of files: each is followed by what it is, to its end, wherever it was moved.

match.py matches by hints, beginnings.py reads where no hint leads anywhere. One look is one pass over the source, and
again where a file turned out to be another than was thought.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing

from msgspec.structs import replace

from dcp_fetcher.following.beginnings import Beginnings, Pass
from dcp_fetcher.following.in_place import rewritten, rewritten_in_place, successor
from dcp_fetcher.following.match import Found, is_unchanged, match, rotated_from
from dcp_fetcher.following.places import MovedError, files_of, is_packed, opened_as
from dcp_fetcher.ground.errors import (
    ChangedError,
    DamagedError,
    FetchError,
    GoneError,
    NotRecordsError,
)
from dcp_fetcher.ground.wall import reason_of
from dcp_fetcher.objects import Look, ObjectReader, Outcome
from dcp_fetcher.objects.unavailable import give_up
from dcp_fetcher.publishing.publish import Outlet
from dcp_fetcher.reading import CHUNK_BYTES, Content, first_needed
from dcp_fetcher.settling import NO_LINE_END, SOUGHT, Settling
from dcp_fetcher.sites.files.site import path_of
from dcp_fetcher.sites.listing import Entry
from dcp_fetcher.sites.versions import generation_of
from dcp_pipeline.batch import digest_of
from dcp_pipeline.database.errors import LedgerConflict
from dcp_pipeline.ledger.model import Cut, ObjectState, SourceObject

log = logging.getLogger(__name__)

PASSES = 6
"""How often one look begins anew because a file was another one than was thought."""


class Follower:
    """Looks at the growing files of one source. A look at a time."""

    def __init__(self, reader: ObjectReader, outlet: Outlet, source: str, settling: Settling) -> None:
        self._reader, self._outlet, self._source, self._settling = reader, outlet, source, settling
        self._lock = threading.Lock()
        self._denied: set[tuple[str, str]] = set()
        self._beginnings = Beginnings(reader, self._cuts)

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
        try:
            now = self._survey(entries)
        except (MovedError, GoneError):
            yield None
            return
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
        for file, reason in now.unread.items():
            yield Look(file.uri, Outcome.WAITING if file.rotated else Outcome.FAILED, reason=reason)
        for file in now.waiting:
            yield Look(file.uri, Outcome.WAITING, reason="it seems to be a copy that is being made")

    def _tried(self, generation: SourceObject | None, file: Found, now: Pass) -> Look | None:
        self._outlet.stop.check()
        try:
            if generation is None:
                return self._begin(file, now)
            return self._read_or_denied(generation, file, now)
        except ChangedError as error:
            return Look(file.uri, Outcome.FAILED, reason=str(error))
        except (MovedError, GoneError):
            return None
        except LedgerConflict as error:
            log.info("looking again: %s", error)
            return None
        except BaseException as error:  # noqa: BLE001 (the wall)
            return Look(generation.uri if generation else file.uri, Outcome.FAILED, reason=reason_of(error))

    def _read_or_denied(self, generation: SourceObject, file: Found, now: Pass) -> Look | None:
        try:
            return self._read_on(generation, file, now)
        except ChangedError as error:
            if file.rotated and self._ends_inside(generation, file):
                return self._all_read(generation, file)
            log.debug("%s is not at %s: %s", generation.uri, file.uri, error)
            self._denied.add((generation.id, file.identity))
            return None

    # What lies there.

    def _survey(self, entries: Sequence[Entry]) -> Pass:
        ledger, patience = self._outlet.ledger, self._outlet.patience
        known = [each for each in patience(lambda: ledger.objects(self._source)) if generation_of(each.version)]
        incomplete = {each.id for each in patience(ledger.incomplete_objects)}
        files = list(files_of(entries, known))
        matched = match(files, known, self._denied)
        lost = self._reader.lost([each for each in known if each.id in incomplete])
        now = Pass(files, known, matched, lost, self._denied)
        self._beginnings.unsure(now)
        return now

    # Reading.

    def _begin(self, file: Found, now: Pass) -> Look:
        before = [generation_of(each.version) for each in now.known if each.uri == file.uri]
        opened = opened_as(self._reader.site, file, 0)
        with closing(opened.stream):
            number = max((each[0] for each in before if each), default=0) + 1
            return self._reader.begin_generation(file.uri, number, opened, now.lost, self._ended(file.uri, file))

    def _read_on(self, generation: SourceObject, file: Found, now: Pass) -> Look:
        ended = self._ended(generation.id, file)
        ripe = ended and (generation.reason or "").startswith(NO_LINE_END)
        if is_unchanged(generation, file) and generation.id not in now.lost and not ripe:
            if file.rotated and (generation.reason or "").startswith(NO_LINE_END):
                return Look(generation.uri, Outcome.WAITING, generation.id, generation.reason)
            return Look(generation.uri, Outcome.UNCHANGED, generation.id)
        cuts = self._cuts(generation)
        _, packed = generation_of(generation.version) or (0, False)
        offset = (
            0
            if packed or is_packed(self._reader.site, file)
            else first_needed(cuts, now.lost.get(generation.id, frozenset()))
        )
        if offset > file.size_bytes:
            raise ChangedError(f"the file has {file.size_bytes} bytes now, fewer than were read")
        opened = opened_as(self._reader.site, file, offset)
        self._outlet.done.lies_in(generation.id, None if file.uri == generation.uri else file.name)
        with closing(opened.stream):
            return self._reader.read_generation(generation, opened, now.lost, ended)

    def _ends_inside(self, generation: SourceObject, file: Found) -> bool:
        """Does it hold the beginning of what was read, and no other byte? So does a copy of what was read once more
        before it was truncated.
        """
        try:
            opened = opened_as(self._reader.site, file, 0)
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
        except (ChangedError, DamagedError, NotRecordsError):
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

    def _missing(self, now: Pass) -> Iterator[Look]:
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

    def _is_sought(self, generation: SourceObject, now: Pass) -> bool:
        """Another file is in its place; or it is gone and was being written when it was last seen."""
        if generation.uri in {file.uri for file in now.files}:
            return True
        idle_seconds = time.time() - int(generation.last_modified or 0) / 1e9
        return (generation.reason or "").startswith(NO_LINE_END) or idle_seconds < self._settling.seconds

    def _sought(self, generation: SourceObject, now: Pass) -> Look:
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
        in_place = next((each for each in now.files if rewritten_in_place(generation, each)), None)
        if in_place is not None and seen <= read and generation.id not in now.lost:
            changed = self._changed_after(generation, in_place, cuts)
            why = rewritten(changed, read, sum(cut.records for cut in cuts), successor(generation, now.known))
            given_up = replace(generation, state=ObjectState.CUT)
        else:
            why = (
                "truncated, rotated or replaced, and what it held is found nowhere in its folder: "
                f"{max(0, seen - read)} bytes that were seen are not read, and none of those that were written after "
                "it was last looked at"
            )
            given_up = replace(generation, state=ObjectState.CUTTING)
        why = give_up(self._outlet, given_up, why)
        now.lost.pop(generation.id, None)
        return Look(generation.uri, Outcome.UNAVAILABLE, generation.id, why)

    def _changed_after(self, generation: SourceObject, file: Found, cuts: Sequence[Cut]) -> int:
        """The byte up to which it holds what was read of it."""
        at = 0
        try:
            opened = opened_as(self._reader.site, file, 0)
            with closing(opened.stream):
                content = Content(opened, self._reader.how)
                if len(_some(content, generation.header_end)) < generation.header_end:
                    return at
                for cut in cuts:
                    if digest_of(_some(content, cut.end - cut.start)) != cut.digest:
                        return at
                    at = cut.end
        except FetchError:
            return at
        return at

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
