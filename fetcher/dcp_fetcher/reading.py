"""One version of one object, from its bytes to its batches; behind what is recorded, and around what is lost.

What is recorded is never cut again: its ranges are read along, checked against their digests, and enqueued again where
the queue does not know them. Cutting goes on behind the last of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dcp_fetcher.cutting.dialects import dialect_of
from dcp_fetcher.cutting.header import HeaderError, read_header
from dcp_fetcher.cutting.labels_read import Relabelled
from dcp_fetcher.cutting.marks import count_lines
from dcp_fetcher.cutting.split import Position, Splitter
from dcp_fetcher.ground.errors import ChangedError, DamagedError, NotRecordsError, TemporaryError
from dcp_fetcher.ground.labels_met import LabelsMet
from dcp_fetcher.ground.partial import only_a_part
from dcp_fetcher.ground.room import Room
from dcp_fetcher.ground.wall import Damage
from dcp_fetcher.opening.as_lines import as_lines
from dcp_fetcher.opening.decoded import Decoded
from dcp_fetcher.opening.decompress import Caps, Peekable, Readable
from dcp_fetcher.publishing.publish import Publisher
from dcp_fetcher.settling import Rest
from dcp_fetcher.sites.site import Opened
from dcp_pipeline.batch import RAW_KEPT_BYTES, digester
from dcp_pipeline.database.errors import LedgerWentBack
from dcp_pipeline.ledger.model import Cut, SourceObject
from dcp_pipeline.spec.model import BatchSize, Decompression, Format
from dcp_pipeline.spec.wanted_labels import WantedLabels

CountLines = Callable[[bytes | bytearray], int]
CHUNK_BYTES = 256 * 1024
_HALVED_FROM_BYTES = 256
"""So much of a followed file's first half is a cut of its own: a copy that was made a moment before it was read
(copytruncate) is shorter than all that was read, and is told by the digest of its first cut."""
SKIP_FROM_BYTES = 1024 * 1024
"""Fewer recorded bytes are read along rather than skipped by a request of their own."""


@dataclass(frozen=True)
class HowToCut:
    """A source's settings for its objects."""

    form: Format
    batch: BatchSize
    decompression: Decompression
    parts: bool = False
    """An answer that is only a part of what there is will do."""
    labels: WantedLabels | None = None
    """Those that the fields are made of; None where that is not known."""
    room: Room = field(default_factory=Room)

    @property
    def caps(self) -> Caps:
        return Caps(self.decompression.max_bytes.bytes, self.decompression.max_ratio, self.room)


class Content:
    """What was opened, decompressed and, where the format wants it, made into lines. Raises NotRecordsError where it is
    a web page.
    """

    def __init__(self, opened: Opened, how: HowToCut) -> None:
        self.opened = opened
        self.met = LabelsMet(how.labels.known if how.labels else None)
        self._structured = how.form.translated and not how.form.transcoded
        with Damage():
            self._decoded = Decoded(opened.stream, how.caps, opened.content_encoding, how.form)
            self._translated = how.form.translated
            if opened.offset:
                self.stream: Readable = Peekable(opened.stream)
            else:
                _refuse_web_page(self._decoded.head(), opened.content_type)
                self.stream = self._decoded
                if not self._decoded.archive:
                    self.stream = as_lines(self._decoded, how.form, how.parts, self.met)
        self.halved = False
        """Is its first half to be a cut of its own (_HALVED_FROM_BYTES)?"""
        self.watchers: list[Callable[[int, bytes], None]] = []
        """Told of all bytes that are read, and where they stand."""
        self.at = opened.offset
        """Where the next byte stands in what records are cut from."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was left out so far, in words."""
        return (*self._decoded.warnings, *self.met.told)

    @property
    def relabelled(self) -> Sequence[Relabelled]:
        """Where records have other labels than those before, as far as it was read."""
        return self._decoded.relabelled

    @property
    def packed(self) -> bool:
        """Not the file's own bytes, so that it cannot be read from the middle on."""
        return self._decoded.compression is not None or self._translated

    @property
    def may_grow(self) -> bool:
        """May its last record be one that is still being written? What is compressed or an archive says itself where it
        ends, and so do spreadsheets, Parquet and JSON arrays.
        """
        return self._decoded.compression is None and not self._structured

    def read(self, most: int) -> bytes:
        with Damage():
            data = self.stream.read(most)
        for watch in self.watchers:
            watch(self.at, data)
        self.at += len(data)
        return data

    def skip_to(self, offset: int) -> None:
        """Go on at `offset` where the source can do that; otherwise nothing happens."""
        if not self.packed and offset - self.at >= SKIP_FROM_BYTES and self.opened.stream.seek(offset):
            self.stream, self.at = Peekable(self.opened.stream), offset


def read_object(
    content: Content, publisher: Publisher, cuts: list[Cut], lost: frozenset[str], how: HowToCut, growing: bool
) -> Ending:
    """Publish what is lost and what is new, up to the end; of a `growing` one up to its last whole record.

    Raises ChangedError where the bytes differ from what is recorded, DamagedError (what could be cut is published),
    TemporaryError and Stopped (what is recorded stays, the rest is read again).
    """
    content.opened.stream.on_pause = publisher.flush
    position = None
    if content.at == 0:
        content.skip_to(first_needed(cuts, lost))
    if content.at == 0 and publisher.object.header_end:
        _check_header(content, publisher.object, how.form)
    if publisher.object.header_end or cuts:
        position = _follow(content, publisher, cuts, lost, dialect_of(how.form).count_lines)
    if content.at != (position.offset if position else 0):
        raise LedgerWentBack(f"it was opened at byte {content.at}, behind what the ledger has of it now")
    header = publisher.object.header
    splitter = Splitter(how.form, how.batch, position, (header, cuts[-1].header if cuts else None), content.relabelled)
    try:
        ending = _cut(content, publisher, splitter, growing)
        content.opened.stream.check_unchanged()
        if content.opened.more is not None and not how.parts:
            raise DamagedError(only_a_part(content.opened.more))
        return ending
    except HeaderError:
        raise
    except DamagedError:
        with contextlib.suppress(DamagedError):  # where it is the cutting that failed, it fails again
            _publish(publisher, splitter, lambda: splitter.finish(unterminated=False))
        publisher.flush()
        raise
    except TemporaryError:
        publisher.flush()
        raise


def first_needed(cuts: list[Cut], lost: frozenset[str]) -> int:
    """The first byte that has to be read: of what is lost, and of the last cut, to see that nothing has changed."""
    return min([cut.start for cut in cuts if cut.batch_id in lost] + [cut.start for cut in cuts[-1:]], default=0)


@dataclass(frozen=True)
class Ending:
    """How what was read ended: `unended`, in a record without its line end; `rest` is of one that was left."""

    unended: bool
    rest: Rest | None = None


def cut_rest(rest: Rest, publisher: Publisher, how: HowToCut) -> None:
    """Publish what was held back as the last record that it is."""
    splitter = Splitter(how.form, how.batch, rest.at, (publisher.object.header, rest.labels))
    _publish(publisher, splitter, lambda: splitter.feed(rest.raw))
    _publish(publisher, splitter, splitter.finish)
    publisher.flush()


def first_unended(content: Content, cuts: list[Cut], how: HowToCut) -> int | None:
    """The number of the first record that had no end where the last of these cuts ends, although it was cut; None where
    the content ends there too. Raises ChangedError where it is not what was cut.
    """
    # A record may be so long; where a quote was open, what was taken for the next records is of it too.
    longest_bytes = how.form.max_record_bytes.bytes + 1
    last = max(0, *(n for n, cut in enumerate(cuts) if cut.start <= cuts[-1].end - longest_bytes), 0)
    first = cuts[last]
    content.skip_to(first.start)
    while content.at < first.start and content.read(min(CHUNK_BYTES, first.start - content.at)):
        pass
    splitter = Splitter(how.form, how.batch, Position(first.start, first.sequence, first.first_record))
    for cut in cuts[last:]:
        found = read_range(content, cut.end - cut.start, cut.end - cut.start)
        if found.digest != cut.digest:
            raise ChangedError(f"bytes {cut.start}-{cut.end} are not those that were read before")
        splitter.feed(found.kept)
    splitter.finish(unterminated=False)
    return splitter.position.record if content.read(1) else None


def _cut(content: Content, publisher: Publisher, splitter: Splitter, growing: bool) -> Ending:
    first = min(CHUNK_BYTES, (content.opened.size_bytes or 0) // 2)
    if content.halved and content.at == 0 and first >= _HALVED_FROM_BYTES and (data := content.read(first)):
        _publish(publisher, splitter, lambda: splitter.feed(data) + splitter.give_out())
    while data := content.read(CHUNK_BYTES):
        _publish(publisher, splitter, lambda data=data: splitter.feed(data))  # type: ignore[misc]
    unended, waiting = splitter.unended, splitter.waiting
    _publish(publisher, splitter, lambda: splitter.finish(unterminated=not growing))
    publisher.flush()
    if not growing or not unended or waiting is None:
        return Ending(unended)
    return Ending(unended, Rest(splitter.position if splitter.begun else None, waiting, splitter.labels))


def _publish(publisher: Publisher, splitter: Splitter, step: Callable[[], list]) -> None:  # type: ignore[type-arg]
    with Damage():
        cuts = step()
    publisher.begin(splitter.header, cuts)
    for cut in cuts:
        publisher.add(cut)


def _follow(
    content: Content, publisher: Publisher, cuts: list[Cut], lost: frozenset[str], breaks: CountLines
) -> Position:
    """Read the recorded ranges along, from where the content stands; where cutting goes on."""
    recorded = publisher.object
    position = Position(recorded.header_end, 0, 1, recorded.header_lines + 1)
    for cut in cuts:
        if cut.start < content.at:
            continue
        if cut.start > content.at:
            raise ChangedError(f"the ledger misses its bytes {content.at}-{cut.start}, before cut {cut.sequence}")
        kept = cut.end - cut.start if cut.batch_id in lost and not cut.defect else RAW_KEPT_BYTES
        found = read_range(content, cut.end - cut.start, kept, breaks)
        if found.digest != cut.digest:
            raise ChangedError(f"bytes {cut.start}-{cut.end} are not those that were read before")
        if cut.batch_id in lost:
            publisher.again(cut, found.kept)
        position = Position(cut.end, cut.sequence + 1, cut.first_record + cut.records, cut.first_line + found.lines)
    publisher.flush()
    return position


@dataclass(frozen=True)
class Range:
    """Bytes that were read: their digest, their line breaks, and the first of them."""

    digest: str
    lines: int
    kept: bytes


def read_range(content: Content, length: int, keep_bytes: int, breaks: CountLines = count_lines) -> Range:
    """The next `length` bytes, their line breaks counted by `breaks`. Raises ChangedError where there are fewer."""
    digest, lines, kept, left, after_return = digester(), 0, bytearray(), length, False
    while left:
        data = content.read(min(left, CHUNK_BYTES))
        if not data and not content.opened.stream.end_known:
            raise TemporaryError(f"byte {content.at} may not be where it ends, and is before what was read of it")
        if not data:
            raise ChangedError(f"it ends at byte {content.at}, before what was read of it")
        digest.update(data)
        lines += breaks(data) - (after_return and data.startswith(b"\n"))
        after_return = data.endswith(b"\r") and breaks(b"\r") == 1
        kept += data[: max(0, keep_bytes - len(kept))]
        left -= len(data)
    return Range(digest.hexdigest(), lines, bytes(kept))


def _check_header(content: Content, recorded: SourceObject, form: Format) -> None:
    head = bytearray(read_range(content, recorded.header_end, recorded.header_end).kept)
    with Damage():
        header = read_header(head, form, ended=True)
    labels = header.labels if header and (form.header or form.labels) else recorded.header  # numbered ones are nowhere
    if header is None or (labels, header.end) != (recorded.header, recorded.header_end):
        raise ChangedError("the header is not the one that was read before")


def _refuse_web_page(head: bytes, content_type: str) -> None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")) or ("html" in content_type and start.startswith(b"<")):
        raise NotRecordsError("it is a web page (HTML), not records: a login, an error page or a wrong URL?")
