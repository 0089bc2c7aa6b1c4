"""What the types of Format cannot say: which words belong to which type. Pure; checks.py asks it for each source."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from dcp_pipeline.spec.errors import SpecProblem, path_of
from dcp_pipeline.spec.formats import KINDS
from dcp_pipeline.spec.model import Source
from dcp_pipeline.spec.words.format import Format

_DEFAULTS = Format()
_SOMEBODYS = frozenset[str]().union(*(each.words for each in KINDS.values()))
"""Words that not every type takes."""


def format_problems(source: Source, index: int) -> Iterator[SpecProblem]:
    """What is wrong with a source's format, by field."""
    form = source.format
    for check in (_foreign, _encoding, _characters, _header, form.kind.problems):
        for name, message in check(form):
            yield SpecProblem(path_of(("spec", "sources", index, "format", name)), message)
    if source.growth == "append" and (form.translated or form.members):
        what = f"encoding {form.encoding}" if form.transcoded else f"type {form.type}"
        yield SpecProblem(
            path_of(("spec", "sources", index, source.kind, "growth")),
            f"is append, but {'archives' if form.members else what} cannot be read from the middle on; use replace",
        )


def _foreign(form: Format) -> Iterator[tuple[str, str]]:
    for name in form.__struct_fields__:
        if name in _SOMEBODYS - form.kind.words and getattr(form, name) != getattr(_DEFAULTS, name):
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
