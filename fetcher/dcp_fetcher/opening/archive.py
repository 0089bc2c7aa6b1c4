"""The files of an archive as one text: the header of the first stands for all, and each file begins a line."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from dcp_fetcher.cutting.header import Header, HeaderError, read_header
from dcp_fetcher.cutting.labels_read import Relabelled
from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.ground.names import is_member
from dcp_fetcher.opening.as_lines import as_lines
from dcp_fetcher.opening.decompress import PIECE_BYTES, Caps, Layer, Peekable, Warn, compression_of
from dcp_fetcher.opening.spool import Generated
from dcp_pipeline.spec.words.format import Format
from dcp_pipeline.texts import storable

log = logging.getLogger(__name__)

_LONGEST_MAGIC_BYTES = 16
_NAMES_TOLD = 5
_NAME_TOLD_CHARS = 256
MEMBERS_TOLD = 1000
"""A line each: an archive of some hundred kB may have 100,000."""


def joined(
    files: Iterator[tuple[str, Iterator[bytes]]],
    form: Format,
    caps: Caps,
    relabelled: list[Relabelled],
    warn: Warn = log.warning,
) -> Iterator[bytes]:
    """The bytes of the files that format.members names, each decompressed where it is compressed itself.

    `relabelled` is told where a file begins that has the same labels in another order. Raises DamagedError where one
    has others than the first one.
    """
    first: _Labels | None = None
    passed: list[str] = []
    at, last, taken, left_out = 0, b"\n", 0, 0
    for stored_name, pieces in files:
        name = storable(stored_name)
        if not is_member(name, form.members):
            left_out += 1
            if len(passed) < _NAMES_TOLD:
                passed.append(_told(name))
            continue
        log.log(
            logging.INFO if taken < MEMBERS_TOLD else logging.DEBUG,
            "member %s of the archive starts at byte %d",
            _told(name),
            at,
        )
        if taken + 1 == MEMBERS_TOLD:
            log.info("where further members of the archive start is told with LOG_LEVEL=debug")
        found, begins = _Labels(_told(name), None), True
        for piece in _text(Peekable(Generated(pieces.__iter__)), _told(name), form, caps, first, found):
            cut_short = begins and last not in b"\r\n"
            if cut_short:  # each file begins a line, whatever the one before ends with
                piece = b"\n" + piece
            if begins and form.header and found.header is not None and found.header.labels is not None:
                relabelled.append(Relabelled(at + cut_short, found.header.labels))
            begins, at, last = False, at + len(piece), piece[-1:]
            yield piece
        taken += 1
        for said in found.layer.warnings if found.layer else ():
            warn(f"{_told(name)}: {said}")
        first = first or (found if found.header else None)
    if passed:
        log.info("left out of the archive: %s", ", ".join(passed), extra={"files": left_out})
    if passed and not taken:
        raise DamagedError(
            f"none of its {left_out} files is read ({', '.join(passed)}): name those that are wanted in format.members"
        )


def _told(name: str) -> str:
    """A name for messages: that of a member may have 64 KiB."""
    return name if len(name) <= _NAME_TOLD_CHARS else f"{name[:_NAME_TOLD_CHARS]}…"


class _Labels:
    """What stands before the records of a file, once that is read."""

    def __init__(self, name: str, header: Header | None) -> None:
        self.name, self.header = name, header
        self.layer: Layer | None = None


def _text(
    packed: Peekable, name: str, form: Format, caps: Caps, first: _Labels | None, found: _Labels
) -> Iterator[bytes]:
    compression = compression_of(packed.peek(_LONGEST_MAGIC_BYTES))
    if compression == "zip":
        raise DamagedError(f"{name} in the archive is an archive itself; it is unpacked once")
    found.layer = Layer(packed, compression, caps) if compression else None
    plain = Peekable(found.layer) if found.layer else packed
    text = as_lines(plain, form, parts=True)  # a next page is of an answer, not of an archive
    if form.json_lines:
        while data := text.read(PIECE_BYTES):
            yield data
        return
    buffer = bytearray()
    try:
        while found.header is None:
            data = text.read(PIECE_BYTES)
            buffer += data
            found.header = read_header(buffer, form, ended=not data)
    except HeaderError:
        if first is not None:
            raise
        # Of the first file it is said again by whoever cuts.
    if first is not None and first.header is not None and found.header is not None:
        _check_labels(first, found, form)
        del buffer[: found.header.end]
    elif found.header is not None and found.header.labels is None and form.delimited:
        found.header = None  # an empty file says nothing about the others
    if buffer:
        yield bytes(buffer)
    while data := text.read(PIECE_BYTES):
        yield data


def _check_labels(first: _Labels, found: _Labels, form: Format) -> None:
    assert first.header is not None
    assert found.header is not None
    if not form.header or form.commented_header or found.header.labels is None:  # comments may change them anywhere
        return
    if sorted(found.header.labels) != sorted(first.header.labels or ()):
        raise DamagedError(
            f"{found.name} in the archive has other labels than {first.name} "
            f"({', '.join(found.header.labels)[:200]}); name the files that belong together in format.members"
        )
