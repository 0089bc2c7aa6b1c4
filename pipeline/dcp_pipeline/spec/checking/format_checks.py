"""What the types of Format cannot say: which words belong to which type. Pure; checks.py asks it for each source."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from dcp_pipeline.spec.errors import SpecProblem, path_of
from dcp_pipeline.spec.format import Format
from dcp_pipeline.spec.model import Source

_NOT_LINEAR = re.compile(r"\(\?(=|!|<=|<!|P=|\()|\\[1-9]")
_TEXT = frozenset(("csv", "tsv", "ndjson", "json", "regex", "fixed", "syslog", "accesslog"))
_LINES = frozenset(("csv", "tsv", "regex", "fixed", "syslog", "accesslog"))
_CSV = frozenset(("csv", "tsv"))
_TABLES = frozenset(("csv", "tsv", "xlsx"))
_BELONGS = {
    "delimiter": _CSV,
    "quote_char": _CSV,
    "double_quote": _CSV,
    "lenient_quotes": _CSV,
    "escape_char": _CSV,
    "skip_initial_space": _CSV,
    "comment_char": _LINES,
    "header": _TABLES,
    "commented_header": _CSV,
    "header_prefix": _CSV,
    "labels": _TABLES,
    "skip_rows": _TABLES,
    "missing_cells": _CSV,
    "extra_cells": _CSV,
    "blank_rows": _TEXT | {"xlsx"},
    "items": frozenset(("json",)),
    "concatenated": frozenset(("json",)),
    "pattern": frozenset(("regex",)),
    "columns": frozenset(("fixed",)),
    "sheet": frozenset(("xlsx",)),
    "members": _TEXT,
    "encoding": _TEXT,
}
_DEFAULTS = Format()


def not_linear(pattern: str) -> bool:
    """Whether a pattern uses look-around or a back-reference, which cannot be matched in linear time."""
    return _NOT_LINEAR.search(pattern) is not None


def format_problems(source: Source, index: int) -> Iterator[SpecProblem]:
    """What is wrong with a source's format, by field."""
    form = source.format
    for check in (_foreign, _encoding, _characters, _header, _structure):
        for name, message in check(form):
            yield SpecProblem(path_of(("spec", "sources", index, "format", name)), message)
    if source.growth == "append" and (form.translated or form.members):
        what = f"encoding {form.encoding}" if form.transcoded else f"type {form.type}"
        yield SpecProblem(
            path_of(("spec", "sources", index, "http" if source.http else "file", "growth")),
            f"is append, but {'archives' if form.members else what} cannot be read from the middle on; use replace",
        )


def _foreign(form: Format) -> Iterator[tuple[str, str]]:
    for name, types in _BELONGS.items():
        if form.type not in types and getattr(form, name) != getattr(_DEFAULTS, name):
            yield _camel(name), f"is set, but {form.type} has no {_WORDS.get(name, _camel(name))}"


_WORDS = {"delimiter": "delimiter", "labels": "labels of its own", "encoding": "character encoding"}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.capitalize() for each in rest)


def _encoding(form: Format) -> Iterator[tuple[str, str]]:
    if form.encoding == "auto":
        return
    try:
        codec = codecs.lookup(form.encoding)
    except LookupError:
        yield "encoding", f"is {form.encoding!r}; Python knows no such encoding"
        return
    if not codec._is_text_encoding or (not form.transcoded and "\n,A".encode(codec.name) != b"\n,A"):
        yield (
            "encoding",
            f"is {form.encoding!r}, which does not keep ASCII bytes as they are; convert such files to utf-8 first",
        )


def _characters(form: Format) -> Iterator[tuple[str, str]]:
    if form.delimiter is not None and (form.delimiter in form.quote + "\r\n\0" or not form.delimiter.isascii()):
        yield (
            "delimiter",
            f"is {form.delimiter!r}; one ASCII character other than a quote or line end is wanted",
        )
    taken = {form.separator: "delimiter"} if form.delimited else {}
    for name in ("quote_char", "escape_char", "comment_char"):
        value: str | None = form.quote if name == "quote_char" else getattr(form, name)
        if not value or (not form.delimited and name != "comment_char"):
            continue
        if not value.isascii() or value in "\r\n\0 ":
            yield _camel(name), f"is {value!r}; one ASCII character other than a blank or line end is wanted"
        elif value in taken and {name, taken[value]} != {"comment_char", "delimiter"}:
            yield _camel(name), f"is {value!r}, and so is {_camel(taken[value])}"
        taken.setdefault(value, name)
    if form.delimited and form.quote and not form.double_quote and form.escape_char is None:
        yield "doubleQuote", "is false without an escapeChar: a quote could not stand inside a cell; set escapeChar"


def _header(form: Format) -> Iterator[tuple[str, str]]:
    if form.labels and form.header:
        yield "labels", "is set, but the labels are read from the header; set header: false"
    if len(set(form.labels)) < len(form.labels):
        yield "labels", "names a label twice"
    if form.commented_header and form.comment_char is None:
        yield "commentedHeader", "is set, but commentChar is not"
    if form.header_prefix is not None and not form.commented_header:
        yield "headerPrefix", "is set, but commentedHeader is not"
    if form.commented_header and not form.header:
        yield "commentedHeader", "is set, but header is false"


def _structure(form: Format) -> Iterator[tuple[str, str]]:
    if form.concatenated and form.items is not None:
        yield "items", "is set, but with concatenated there is no array around the records"
    if form.type == "fixed" and not form.columns:
        yield "columns", "is missing: a list of {name, width}, from left to right"
    names = [each.name for each in form.columns]
    if len(set(names)) < len(names):
        yield "columns", "names a column twice"
    if form.type == "regex" and not form.pattern:
        yield "pattern", "is missing: a regular expression with named groups, (?P<label>...)"
    if form.pattern is not None:
        yield from _pattern(form.pattern)


def _pattern(pattern: str) -> Iterator[tuple[str, str]]:
    if not_linear(pattern):
        yield "pattern", "uses look-around or a back-reference, which cannot be matched in linear time"
        return
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        yield "pattern", f"is no regular expression: {error}"
        return
    if not groups:
        yield "pattern", "has no named groups; write (?P<label>...) around each cell"
