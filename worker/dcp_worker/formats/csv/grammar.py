"""What a csv record is, as a regular expression over bytes: where records end, and which lines are none.

A record that the grammar does not know (a quote that is never closed, or closed and followed by something else than
a delimiter or a line end) is *broken*: it is the physical line in which it starts. The fetcher cuts by the same rule,
with code of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BYTES_PER_QUOTE = 100
BROKEN_REASON = (
    "a quote is not closed, or what follows the closing one is neither a delimiter nor the line's end; "
    "format.lenientQuotes takes it for a part of the cell"
)


class Dialect(msgspec.Struct, frozen=True):
    """The words of a csv dialect that say where a record ends. `quote` and `escape` are empty where there is none."""

    delimiter: str
    quote: str = '"'
    doubled: bool = True
    escape: str = ""
    initial_blanks: bool = False
    lenient: bool = False

    @property
    def plain(self) -> bool:
        """Quotes as RFC 4180 has them, or none."""
        quotes = not self.quote or (self.quote, self.doubled) == ('"', True)
        return quotes and not self.escape and not self.initial_blanks


class Place(msgspec.Struct, frozen=True):
    """Bytes start..end of a record with its line end."""

    start: int
    end: int
    broken: bool = False


def record_at(raw: bytes, start: int, dialect: Dialect) -> Place:
    """The record that starts there."""
    found = _record(dialect).match(raw, start)
    return Place(start, found.end()) if found else Place(start, line_end(raw, start), broken=True)


def records_in(raw: bytes, dialect: Dialect) -> Iterator[Place]:
    """All records, in order."""
    at = 0
    while at < len(raw):
        place = record_at(raw, at, dialect)
        yield place
        at = place.end


def few_quotes(raw: bytes) -> bool:
    """With fewer quotes than one per so many bytes, records with quotes are the exception."""
    return raw.count(b'"') * _BYTES_PER_QUOTE < len(raw)


def quoted_records(raw: bytes, dialect: Dialect) -> Iterator[Place]:
    """Of a plain dialect: the records that start on a line with a quote.

    Every other record is a line, for a record that starts on a line without a quote ends with it.
    """
    position = 0
    while (quote := raw.find(b'"', position)) >= 0:
        start = 1 + max(raw.rfind(b"\n", position, quote), raw.rfind(b"\r", position, quote), position - 1)
        place = record_at(raw, start, dialect)
        yield place
        position = place.end


def broken_in(raw: bytes, dialect: Dialect) -> list[Place]:
    """The records that are broken."""
    if dialect.lenient or not dialect.quote:
        return []
    if dialect.plain and few_quotes(raw):
        return [place for place in quoted_records(raw, dialect) if place.broken]
    found: list[Place] = []
    whole = _records(dialect)
    at = 0
    while True:
        match = whole.match(raw, at)
        at = match.end() if match else at
        if at == len(raw):
            return found
        found.append(Place(at, line_end(raw, at), broken=True))
        at = found[-1].end


def masked(raw: bytes, broken: Sequence[Place]) -> bytes:
    """The same bytes with nothing in the broken lines that has a meaning; every place stays where it is."""
    pieces: list[bytes] = []
    at = 0
    for place in broken:
        line = raw[place.start : place.end]
        bare = len(line.rstrip(b"\r\n"))
        pieces += [raw[at : place.start], b"x" * bare, line[bare:]]
        at = place.end
    return b"".join([*pieces, raw[at:]])


def closed(line: bytes, quote: str) -> bytes:
    """A line whose last cell opens with a quote, with one that ends it."""
    bare = line.rstrip(b"\r\n")
    return bare + quote.encode() + line[len(bare) :]


def line_end(raw: bytes, start: int) -> int:
    """Behind the physical line that starts there."""
    found = _LINE_END.search(raw, start)
    return found.end() if found else len(raw)


@lru_cache(64)
def _record(dialect: Dialect) -> re.Pattern[bytes]:
    return re.compile(_source(dialect))


@lru_cache(64)
def _records(dialect: Dialect) -> re.Pattern[bytes]:
    return re.compile(b"(?:(?!\\Z)" + _source(dialect) + b")*+")


def _source(dialect: Dialect) -> bytes:
    """Possessive all over: no byte is read twice, so that time is linear."""
    delimiter, quote, escape = (re.escape(each).encode() for each in (dialect.delimiter, dialect.quote, dialect.escape))
    escaped = rb"|%b(?:[\s\S]|\Z)" % escape if escape else b""
    plain = rb"(?:[^%b\r\n%b]++%b)*+" % (delimiter, escape, escaped)
    field = plain
    if quote:
        inside = [rb"[^%b%b]++" % (quote, escape)]
        inside += [rb"%b[\s\S]" % escape] if escape else []
        inside += [quote * 2] if dialect.doubled else []
        behind = b""
        if dialect.lenient:  # right behind a quote that might have been doubled nothing else has a meaning
            behind = rb"(?:[^%b\r\n]%b)?+" % (delimiter, plain) if dialect.doubled else plain
        quoted = rb"%b(?:%b)*+%b%b" % (quote, b"|".join(inside), quote, behind)
        field = rb"(?:%b|(?!%b)%b)" % (quoted, quote, plain)
    blanks = b"(?: *+)" if dialect.initial_blanks else b""
    field = blanks + field
    return rb"%b(?:%b%b)*+(?:\r\n|\n|\r|\Z)" % (field, delimiter, field)
