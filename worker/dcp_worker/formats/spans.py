"""Where the records of a batch stand in its bytes: found when first asked, which is when a record is refused."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import overload

import msgspec

from dcp_worker.formats.csv.grammar import Dialect, quoted_records, records_in
from dcp_worker.formats.lines import split_lines


class Span(msgspec.Struct, frozen=True):
    """Bytes start..end of a record in its batch, without its line terminator; `line` counts from 0."""

    start: int
    end: int
    line: int


class Spans(Sequence[Span]):
    """Spans made one at a time: a batch has thousands of records, and few of them are asked for."""

    @property
    def starts(self) -> Sequence[int]:
        """Where each record starts, in order."""
        return [span.start for span in self]

    def _span(self, index: int) -> Span:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Span: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Span]: ...
    def __getitem__(self, index: int | slice) -> Span | Sequence[Span]:
        if isinstance(index, slice):
            return [self._span(each) for each in range(len(self))[index]]
        return self._span(range(len(self))[index])


def csv_spans(raw: bytes, dialect: Dialect) -> Sequence[Span]:
    """The places of csv records, in any encoding that keeps ASCII."""
    return _CsvSpans(raw, dialect) if dialect.plain else _dialect_spans(raw, dialect)


def _dialect_spans(raw: bytes, dialect: Dialect) -> list[Span]:
    spans, line = [], 0
    for place in records_in(raw, dialect):
        record = raw[place.start : place.end]
        spans.append(Span(place.start, place.start + len(record) - len(_line_end(record)), line))
        line += record.count(b"\n") + record.count(b"\r") - record.count(b"\r\n")
    return spans


def _line_end(record: bytes) -> bytes:
    return b"\r\n" if record.endswith(b"\r\n") else record[-1:] if record.endswith((b"\r", b"\n")) else b""


def line_spans(raw: bytes) -> Spans:
    """The places of ndjson records."""
    return _LineSpans(raw)


class _CsvSpans(Spans):
    def __init__(self, raw: bytes, dialect: Dialect) -> None:
        self._raw, self._dialect = raw, dialect

    def __len__(self) -> int:
        return len(self._first_lines)

    @property
    def starts(self) -> Sequence[int]:
        return self._starts[:-1] if self._lines_are_records else [self._starts[line] for line in self._first_lines]

    @property
    def _lines_are_records(self) -> bool:
        return isinstance(self._first_lines, range)

    def _span(self, index: int) -> Span:
        line = self._first_lines[index]
        after = self._first_lines[index + 1] if index + 1 < len(self) else len(self._starts) - 1
        start, last, end = self._starts[line], self._starts[after - 1], self._starts[after]
        return Span(start, last + len(self._raw[last:end].rstrip(b"\r\n")), line)

    @cached_property
    def _starts(self) -> list[int]:
        """Of the physical lines, and the end."""
        return [0, *accumulate(map(len, self._raw.splitlines(keepends=True)))]

    @cached_property
    def _first_lines(self) -> Sequence[int]:
        """The physical line in which each record starts."""
        lines = range(len(self._starts) - 1)
        if not self._dialect.quote or b'"' not in self._raw:
            return lines
        inside: set[int] = set()
        for place in quoted_records(self._raw, self._dialect):
            first, after = bisect_left(self._starts, place.start), bisect_left(self._starts, place.end)
            inside.update(range(first + 1, after))
        return [line for line in lines if line not in inside] if inside else lines


class _LineSpans(Spans):
    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def __len__(self) -> int:
        return len(self._starts) - 1

    @property
    def starts(self) -> Sequence[int]:
        return self._starts[:-1]

    def _span(self, index: int) -> Span:
        start, end = self._starts[index], self._starts[index + 1]
        return Span(start, start + len(self._raw[start:end].removesuffix(b"\n").removesuffix(b"\r")), index)

    @cached_property
    def _starts(self) -> list[int]:
        """Of the lines, and the end."""
        starts = list(accumulate((len(line) + 1 for line in split_lines(self._raw)), initial=0))
        return [*starts[:-1], len(self._raw)]


class Gap(msgspec.Struct, frozen=True):
    """Bytes start..end, a whole line, that are no part of any record."""

    start: int
    end: int


def shifted(spans: Sequence[Span], gaps: Sequence[Gap]) -> Sequence[Span]:
    """Places in the bytes without the gaps as places in the bytes with them."""
    return _ShiftedSpans(spans, gaps) if gaps else spans


class _ShiftedSpans(Spans):
    def __init__(self, spans: Sequence[Span], gaps: Sequence[Gap]) -> None:
        self._inner = spans
        self._lengths = [0, *accumulate(gap.end - gap.start for gap in gaps)]
        self._starts = [gap.start - before for gap, before in zip(gaps, self._lengths, strict=False)]

    def __len__(self) -> int:
        return len(self._inner)

    def _span(self, index: int) -> Span:
        inner = self._inner[index]
        before = bisect_right(self._starts, inner.start)
        shift = self._lengths[before]
        return Span(inner.start + shift, inner.end + shift, inner.line + before)
