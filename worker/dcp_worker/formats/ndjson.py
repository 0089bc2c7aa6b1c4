"""ndjson: each line an object. Values become text as they are written; strings lose their quotes and escapes.

A label is a key of the object, or else a dotted path. Only the keys asked for are decoded (msgspec skips the
rest), each to its raw JSON text, and the text of a whole column is turned into cells at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import compress
from operator import attrgetter
from typing import Any

import msgspec
import polars as pl

from dcp_worker.formats.encoding import to_utf8
from dcp_worker.formats.lines import split_lines
from dcp_worker.formats.records import INDEX, Fault, Records, cell_column
from dcp_worker.formats.spans import Span, line_spans

_BLANK = b" \t\r"
_BOM = b"\xef\xbb\xbf"
_HALF = re.compile(rb"(?i)\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f][0-9a-f]{2})|(?<!\\ud[89ab][0-9a-f]{2})\\ud[c-f][0-9a-f]{2}")
_ABSENT = msgspec.Raw()
_UNREADABLE = (msgspec.DecodeError, RecursionError)


@dataclass(frozen=True)
class JsonLinesReader:
    """Reads ndjson batches; only the labels asked for become columns."""

    encoding: str
    labels: tuple[str, ...]
    _keys: _Keys = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_keys", _Keys.of(self.labels))

    def read(self, raw: bytes, header: tuple[str, ...] | None) -> Records:
        """The records. Of a key that stands in an object twice, the last value counts."""
        spans = self.spans(raw)
        data, undecodable = to_utf8(raw, self.encoding, spans)
        lines = split_lines(data)
        texts, bad = self._keys.decode_all(lines)
        faults = {fault.index: fault for fault in (*bad, *undecodable)}
        keep = [index not in faults for index in range(len(lines))] if faults else None
        index = range(len(lines)) if keep is None else compress(range(len(lines)), keep)
        columns = {INDEX: pl.Series(index, dtype=pl.Int64)}
        for label, column in zip(self.labels, texts, strict=True):
            cells = pl.Series(cell_column(label), map(bytes, column), dtype=pl.Binary)
            columns[cells.name] = _unquote(cells if keep is None else cells.filter(pl.Series(keep)))
        return _without_nul(len(lines), pl.DataFrame(columns), faults, spans)

    def spans(self, raw: bytes) -> Sequence[Span]:
        """Where the records stand in the batch's bytes."""
        return line_spans(raw)

    def raw_cells(self, record: bytes, header: tuple[str, ...] | None) -> dict[str, str | None]:
        """One record's values by key, as they are written; the whole line where it is no object."""
        try:
            values = msgspec.json.decode(record.removeprefix(_BOM), type=dict[str, msgspec.Raw])
        except _UNREADABLE:
            return {"": record.decode(self.encoding, errors="replace")}
        return {key: bytes(value).decode(errors="replace") for key, value in values.items()}


class _Keys(msgspec.Struct, frozen=True):
    """A decoder for one level of objects: `own` are labels that may be keys here, `paths` continue below one."""

    decode: Any
    attributes: dict[str, str]
    labels: tuple[str, ...]
    below: dict[str, tuple[tuple[int, ...], _Keys]]
    """By first key of dotted labels: the labels' positions, and the keys of the level below."""

    @staticmethod
    def of(labels: tuple[str, ...]) -> _Keys:
        heads: dict[str, list[int]] = {}
        for position, label in enumerate(labels):
            head, dot, rest = label.partition(".")
            if head and dot and rest:
                heads.setdefault(head, []).append(position)
        attributes = {key: f"k{number}" for number, key in enumerate(dict.fromkeys((*labels, *heads)))}
        shape = msgspec.defstruct(
            "Record",
            [(name, msgspec.Raw, _ABSENT) for name in attributes.values()],
            rename={name: key for key, name in attributes.items()},
            gc=False,
        )
        below = {
            head: (tuple(chosen), _Keys.of(tuple(labels[each].partition(".")[2] for each in chosen)))
            for head, chosen in heads.items()
        }
        return _Keys(msgspec.json.Decoder(shape).decode, attributes, labels, below)

    def decode_all(self, lines: Sequence[bytes]) -> tuple[list[list[msgspec.Raw]], list[Fault]]:
        """For each label its value in each line (an empty Raw where there is none), and the unreadable lines."""
        faults: list[Fault] = []
        try:
            records = list(map(self.decode, lines))
        except _UNREADABLE:
            records = list(map(partial(self._decode_one, faults), range(len(lines)), lines))
        columns = [self._column(records, label) for label in self.labels]
        for head, (positions, keys) in self.below.items():
            objects = [_object_or_empty(value) for value in self._column(records, head)]
            for position, values in zip(positions, keys.decode_all(objects)[0], strict=True):
                columns[position] = [
                    own if bytes(own) else path for own, path in zip(columns[position], values, strict=True)
                ]
        return columns, faults

    def _column(self, records: Sequence[Any], key: str) -> list[msgspec.Raw]:
        return list(map(attrgetter(self.attributes[key]), records))

    def _decode_one(self, faults: list[Fault], index: int, line: bytes) -> Any:
        try:
            return self.decode(line.removeprefix(_BOM))  # of a file's start, or of several files in one
        except _UNREADABLE as error:
            if line.strip(_BLANK):
                faults.append(Fault(index, "row-error", f"is no JSON object: {_why(line, error)}"))
            else:
                faults.append(Fault(index, "blank-row", "the line is blank"))
            return self.decode(b"{}")


def _why(line: bytes, error: Exception) -> str:
    """The decoder takes half of a pair for the end of the text."""
    half = _HALF.search(line.replace(rb"\\", b""))
    return f"{half[0].decode()} is half of a character" if half else str(error)


def _object_or_empty(value: msgspec.Raw) -> bytes:
    text = bytes(value)
    return text if text.startswith(b"{") else b"{}"


def _unquote(raw: pl.Series) -> pl.Series:
    """JSON text to cells: null where absent or null, strings without quotes, all else as written."""
    text = raw.cast(pl.String)
    escaped = text.str.starts_with('"') & text.str.contains("\\", literal=True)
    value = pl.col(text.name)
    cells = text.to_frame().select(
        pl.when(value.is_in(["", "null"]))
        .then(None)
        .when(value.str.starts_with('"'))
        .then(value.str.strip_prefix('"').str.strip_suffix('"'))
        .otherwise(value)
    )
    if not escaped.any():
        return cells.to_series()
    unescaped = pl.Series([str(json.loads(each)) for each in text.filter(escaped)], dtype=pl.String)
    return cells.to_series().scatter(escaped.arg_true(), unescaped)


def _without_nul(count: int, cells: pl.DataFrame, faults: dict[int, Fault], spans: Sequence[Span]) -> Records:
    """Refuses records in which an escape made a NUL. (msgspec refuses half surrogate pairs as malformed.)"""
    for column in cells.drop(INDEX):
        odd = column.str.contains("\0", literal=True).fill_null(False)
        if odd.any():
            reason = f"the value of {column.name.partition(':')[2]!r} holds a NUL"
            for index in cells[INDEX].filter(odd):
                faults.setdefault(index, Fault(index, "encoding-error", reason))
    kept = cells.filter(~pl.col(INDEX).is_in(list(faults))) if faults else cells
    return Records(count, kept, tuple(faults.values()), spans)
