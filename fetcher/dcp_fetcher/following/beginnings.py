"""Files that no hint knows, told by what they begin with: a generation's, a copy, new, or to be waited for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from dcp_fetcher.following.match import Found, Matched, rotated_from
from dcp_fetcher.following.places import MovedError, opened_as
from dcp_fetcher.ground.errors import DamagedError, FetchError, GoneError, NotRecordsError
from dcp_fetcher.ground.wall import reason_of
from dcp_fetcher.objects import ObjectReader
from dcp_fetcher.reading import CHUNK_BYTES, Content
from dcp_fetcher.sites.files.site import path_of
from dcp_pipeline.batch import digest_of
from dcp_pipeline.ledger.model import Cut, SourceObject

log = logging.getLogger(__name__)

ALIKE_BYTES = 64 * 1024
"""So much of a file is compared with another's beginning to see that it is being copied."""


class UnreadError(FetchError):
    """A file that cannot be told now."""


@dataclass
class Pass:
    """What one pass knows. `known`: newest first."""

    files: list[Found]
    known: list[SourceObject]
    matched: Matched
    lost: dict[str, frozenset[str]]
    denied: set[tuple[str, str]]
    """(object id, identity) that was tried and is not so."""
    fresh: list[Found] = field(default_factory=list)
    waiting: list[Found] = field(default_factory=list)
    unread: dict[Found, str] = field(default_factory=dict)
    """Those that nobody can tell now, and why: they may be generations."""


class Beginnings:
    """What is remembered of a source's unknown files from look to look."""

    def __init__(self, reader: ObjectReader, cuts_of: Callable[[SourceObject], list[Cut]]) -> None:
        self._reader, self._cuts = reader, cuts_of
        self._neutral: dict[Found, tuple[int, frozenset[str]]] = {}
        """Files that were no generation's and not new, and at which state of the others."""
        self._copies: set[Found] = set()

    def unsure(self, now: Pass) -> None:
        """Look into those that are unknown, unless nothing has changed since that was done.

        Raises MovedError or GoneError where a file was moved meanwhile.
        """
        # What was no generation's a moment ago is none while the generations and their homes are the same.
        state = (len(now.known), frozenset(now.matched.homes))
        unsure = [file for file in now.matched.unknown if file.size_bytes and self._neutral.get(file) != state]
        if unsure:
            self._prove(now, unsure, state)

    def _prove(self, now: Pass, unsure: Sequence[Found], state: tuple[int, frozenset[str]]) -> None:
        """Find the generations that unknown files are, by their beginnings; sort out what is new."""
        firsts = {each.id: cuts[0] for each in now.known if (cuts := self._cuts(each))}
        homes = dict(now.matched.homes)
        longest_bytes = max((cut.end for cut in firsts.values()), default=0)
        # What may be copied is sorted out before its copies.
        for file in sorted(unsure, key=lambda each: (each.rotated, each.modified_ns)):
            try:
                beginning, whole = self._beginning(file, longest_bytes)
                alike = [each for each in now.known if _begins(beginning, firsts.get(each.id))]
                alike = [each for each in alike if (each.id, file.identity) not in now.denied]
                homeless = [each for each in alike if each.id not in homes]
                if homeless:
                    same_time = [each for each in homeless if each.last_modified == str(file.modified_ns)]
                    homes[(same_time or homeless)[0].id] = file
                elif file.rotated and (alike or self._is_copy(beginning, _kin(file, [*homes.values(), *now.fresh]))):
                    self._neutral[file] = state
                    self._copies.add(file)
                elif file in self._copies:  # its original was read further, and is truncated now
                    self._neutral[file] = state
                elif file.rotated and not whole:
                    now.waiting.append(file)
                elif file.listed or self._is_between(file, now):
                    now.fresh.append(file)
                else:
                    self._neutral[file] = state
            except UnreadError as error:
                log.warning("%s: %s", file.uri, error)
                now.unread[file] = str(error)
        self._neutral = {file: known for file, known in self._neutral.items() if file in now.matched.unknown}
        self._copies &= set(now.matched.unknown)
        now.matched = Matched(homes, now.matched.unknown)

    def _beginning(self, file: Found, longest_bytes: int) -> tuple[bytes, bool]:
        """Its first bytes, unpacked; False where they end in what may still be written.

        Raises UnreadError, and MovedError or GoneError where another file has its name by now, or none.
        """
        found = bytearray()
        try:
            opened = opened_as(self._reader.site, file, 0)
            with closing(opened.stream):
                content = Content(opened, self._reader.how)
                while len(found) < max(longest_bytes, ALIKE_BYTES) and (data := content.read(CHUNK_BYTES)):
                    found += data
        except (DamagedError, NotRecordsError):
            return bytes(found), False
        except (MovedError, GoneError):
            raise
        except BaseException as error:  # the wall
            raise UnreadError(f"its beginning cannot be read: {reason_of(error)}") from error
        return bytes(found), True

    def _is_copy(self, beginning: bytes, homes: Iterable[Found]) -> bool:
        """Does another file begin with all of it?"""
        some = beginning[:ALIKE_BYTES]
        for file in homes:
            if some and file.size_bytes >= len(some) and self._beginning(file, len(some))[0].startswith(some):
                return True
        return False

    def _is_between(self, file: Found, now: Pass) -> bool:
        """Was it written since the file is followed that it was rotated from? (One pass over a folder may miss a file
        that is renamed meanwhile: it is no older for that.)
        """
        base = rotated_from(file.name, {path_of(each.uri).name for each in now.known})
        before = [each for each in now.known if path_of(each.uri).name == base]
        return bool(before) and file.modified_ns > int(before[-1].last_modified or 0)


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
