"""Which reader a format has, and which labels are known without a header."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import cast

from dcp_pipeline.spec.formats import FILE_OF, KINDS
from dcp_pipeline.spec.words.format import Format
from dcp_worker.formats.comments import CommentedReader
from dcp_worker.formats.csv.delimited import DelimitedReader
from dcp_worker.formats.csv.grammar import Dialect
from dcp_worker.formats.csv.ragged import RaggedRows
from dcp_worker.formats.encoding import check_encoding, may_be_half
from dcp_worker.formats.ndjson import JsonLinesReader
from dcp_worker.formats.records import Reader
from dcp_worker.formats.spans import Span
from dcp_worker.formats.text_lines import LineParser, LineReader
from dcp_worker.ground.errors import PlanError

_FORMAT = "spec.sources[].format"


def reader_of(form: Format, labels: tuple[str, ...]) -> Reader:
    """The reader of a format's batches, for these labels.

    Raises PlanError naming the part of the format that cannot be followed.
    """
    if not form.separator.isascii() or form.separator in '\r\n"\0':
        raise PlanError(f"{_FORMAT}.delimiter", f"{form.separator!r} cannot separate cells")
    try:
        encoding = check_encoding(form.text_encoding, form.separator)
    except ValueError as error:
        raise PlanError(f"{_FORMAT}.encoding", str(error)) from error
    if form.json_lines:
        return JsonLinesReader(encoding, labels)
    if form.delimited:
        return _csv_reader(form, encoding, labels)
    reader = LineReader(line_parser(form), encoding, labels)
    return CommentedReader(reader, form.comment_char, None) if form.comment_char else reader


def _csv_reader(form: Format, encoding: str, labels: tuple[str, ...]) -> Reader:
    for word, mark in (("quoteChar", form.quote), ("escapeChar", form.escape_char)):
        if mark and may_be_half(mark, encoding):
            raise PlanError(f"{_FORMAT}.{word}", f"in {encoding!r} the byte of {mark!r} may be half of a character")
    dialect = dialect_of(form)
    ragged = RaggedRows(form.missing_cells, form.extra_cells, form.separator)
    reader = DelimitedReader(dialect, form.csv_words(), encoding, labels, ragged)
    return CommentedReader(reader, form.comment_char, dialect) if form.comment_char else reader


def dialect_of(form: Format) -> Dialect:
    """What a csv format says of where records end."""
    return Dialect(
        delimiter=form.separator,
        quote=form.quote,
        doubled=form.double_quote,
        escape=form.escape_char or "",
        initial_blanks=form.skip_initial_space,
        lenient=form.lenient_quotes,
    )


def known_labels(form: Format) -> tuple[str, ...] | None:
    """The labels that every record of the format has; None where the header or each record says."""
    return None if form.delimited or form.json_lines else line_parser(form).labels


def spans_of(raw: bytes, form: Format) -> Sequence[Span]:
    """Where the records of a batch stand in its bytes."""
    return reader_of(form, ()).spans(raw)


def line_parser(form: Format) -> LineParser:
    """What takes the lines of a format apart. Raises PlanError."""
    return cast(LineParser, import_module(f"dcp_worker.formats.kinds.{FILE_OF[form.type]}").parser(form))


def told_by_lines() -> Iterator[tuple[str, LineParser, str]]:
    """The formats that are told by what their lines are: each with a label that all of them have."""
    for name, kind in KINDS.items():
        if kind.cut == "lines":
            shows = getattr(import_module(f"dcp_worker.formats.kinds.{FILE_OF[name]}"), "SHOWS", None)
            if shows is not None:
                yield name, line_parser(Format(type=name)), shows
