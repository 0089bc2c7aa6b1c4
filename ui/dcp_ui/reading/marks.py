"""Where in a rejected record's bytes it fails: as exactly as its format tells. Pure; nothing is cleaned again.

The worker kept code, field and bytes, not the place of the cell. In csv it is found by the same rules of quotes; in
JSON by the key; else by the value that the reason repeats. Where none of it fits, nothing is marked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from dcp_pipeline.ledger.model import StoredReject
from dcp_pipeline.spec.model import Format, Pipeline

SHOWN_BYTES = 4096


class Piece(msgspec.Struct, frozen=True):
    """A stretch of the record. `wrong`: it fails here."""

    text: str
    wrong: bool = False


class Marked(msgspec.Struct, frozen=True):
    """A record's beginning, as text and in hexadecimal. `cut`: there is more of it."""

    pieces: tuple[Piece, ...]
    hexadecimal: str
    cut: bool
    missing_end: bool = False
    """What is wrong is that it ends here."""


def marked(pipeline: Pipeline, reject: StoredReject, labels: Sequence[str] | None) -> Marked | None:
    """The record with what fails in it marked; None where its bytes were not kept."""
    if reject.raw is None:
        return None
    raw = reject.raw[:SHOWN_BYTES]
    source = next((each for each in pipeline.spec.sources if each.name == reject.source), None)
    form = source.format if source else Format()
    span = _span(pipeline, form, reject, raw, labels or ())
    lines = [raw[at : at + 16].hex(" ") for at in range(0, min(len(raw), 512), 16)]
    return Marked(
        pieces=_pieces(raw, span, form.text_encoding),
        hexadecimal="\n".join(lines),
        cut=reject.raw_bytes > len(raw),
        missing_end=reject.code == "missing-cell",
    )


def _pieces(raw: bytes, span: tuple[int, int] | None, encoding: str) -> tuple[Piece, ...]:
    if span is None:
        return (Piece(_text(raw, encoding)),)
    start, end = span
    pieces = (Piece(_text(raw[:start], encoding)), Piece(_text(raw[start:end], encoding), True))
    return tuple(each for each in (*pieces, Piece(_text(raw[end:], encoding))) if each.text or each.wrong)


def _text(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding, "backslashreplace")
    except (LookupError, UnicodeError):
        return raw.decode("utf-8", "backslashreplace")


def _span(
    pipeline: Pipeline, form: Format, reject: StoredReject, raw: bytes, labels: Sequence[str]
) -> tuple[int, int] | None:
    if reject.code == "encoding-error":
        return _undecodable(raw, form.text_encoding)
    if form.delimited:
        cells = csv_cells(raw, form)
        if reject.code == "extra-cell":
            names = labels or form.labels
            return (cells[len(names)][0], cells[-1][1]) if names and len(cells) > len(names) else None
        if (found := _cell(pipeline, form, reject, cells, labels)) is not None:
            return found
    if form.json_lines and reject.field and (found := _by_key(pipeline, reject.field, raw)) is not None:
        return found
    return _by_reason(reject.reason, raw, form.text_encoding)


def _undecodable(raw: bytes, encoding: str) -> tuple[int, int] | None:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError as error:
        return error.start, max(error.end, error.start + 1)
    except LookupError:
        return None
    nul = raw.find(b"\0")
    return (nul, nul + 1) if nul >= 0 else None


def csv_cells(raw: bytes, form: Format) -> list[tuple[int, int]]:
    """Where the cells stand, quotes included."""
    delimiter, quote = form.separator.encode(), form.quote.encode()
    escape = form.escape_char.encode() if form.escape_char else None
    cells, start, at, quoted = [], 0, 0, False
    while at < len(raw):
        if escape and raw.startswith(escape, at):
            at += len(escape) + 1
        elif quote and raw.startswith(quote, at) and (quoted or at == start):
            quoted = not quoted
            at += len(quote)
        elif quote and raw.startswith(quote, at) and raw[at - len(quote) : at] == quote:
            quoted = True  # a doubled one, inside
            at += len(quote)
        elif not quoted and raw.startswith(delimiter, at):
            cells.append((start, at))
            at += len(delimiter)
            start = at
        else:
            at += 1
    cells.append((start, len(raw.rstrip(b"\r\n")) if not quoted else len(raw)))
    return cells


def _labels_of(pipeline: Pipeline, field: str | None) -> tuple[str, ...]:
    found = next((each for each in pipeline.spec.cleaning.fields if each.name == field), None)
    return found.labels if found else ()


def _cell(
    pipeline: Pipeline, form: Format, reject: StoredReject, cells: list[tuple[int, int]], labels: Sequence[str]
) -> tuple[int, int] | None:
    names = [each.strip() for each in (labels or form.labels)]
    for label in _labels_of(pipeline, reject.field):
        if label in names and names.index(label) < len(cells):
            return cells[names.index(label)]
    return None


def _by_key(pipeline: Pipeline, field: str, raw: bytes) -> tuple[int, int] | None:
    for label in _labels_of(pipeline, field):
        key = re.escape(msgspec.json.encode(label.rsplit(".", 1)[-1]))
        value = rb'("(?:[^"\\]|\\.)*"|[^,}\]\s]+)'
        if (found := re.search(key + rb"\s*:\s*" + value, raw)) is not None:
            return found.span(1)
    return None


def _by_reason(reason: str, raw: bytes, encoding: str) -> tuple[int, int] | None:
    """The longest text in quotes of the reason that stands in the record once."""
    said = sorted(
        (each[1] or each[2] for each in re.finditer(r"'([^']+)'|\"([^\"]+)\"", reason)), key=len, reverse=True
    )
    for text in said:
        try:
            needle = text.encode(encoding)
        except (LookupError, UnicodeError):
            continue
        if raw.count(needle) == 1:
            at = raw.index(needle)
            return at, at + len(needle)
    return None
