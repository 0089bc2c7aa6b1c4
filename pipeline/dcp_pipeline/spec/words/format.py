"""How an object's bytes become records: the words of spec.sources[].format. docs/formats.md tells what each means.

Here are the words that several types share; formats/ lists the types, and has those that belong to one only.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from dcp_pipeline.spec.formats import KINDS
from dcp_pipeline.spec.formats.listed import Kind
from dcp_pipeline.spec.part import Part
from dcp_pipeline.spec.units import Quantity

if TYPE_CHECKING:
    FormatType = str
else:
    FormatType = Literal[tuple(KINDS)]
AUTO = "auto"
"""The encoding that is told from each object's own bytes."""
_Character = Annotated[str, Meta(min_length=1, max_length=1)]
_Label = Annotated[str, Meta(min_length=1, max_length=256)]
_Own = TypeVar("_Own", bound=Part)
_OwnWords = type[_Own]


class _Words(Part, frozen=True):
    type: Annotated[FormatType, Meta(description="The kind of file.")] = "csv"
    delimiter: Annotated[
        _Character | None, Meta(description="One character; ',' for csv and TAB for tsv by default.")
    ] = None
    quote_char: Annotated[
        Annotated[str, Meta(max_length=1)] | None,
        Meta(description="One character around cells; empty: there is none. '\"' for csv, none for tsv by default."),
    ] = None
    double_quote: Annotated[bool, Meta(description="csv: a quote inside a quoted cell is doubled.")] = True
    escape_char: Annotated[
        _Character | None, Meta(description="csv: the character after this one is itself, whatever it is.")
    ] = None
    lenient_quotes: Annotated[
        bool, Meta(description="csv: what follows a closing quote is part of the cell; else the line is rejected.")
    ] = False
    skip_initial_space: Annotated[bool, Meta(description="csv: blanks behind a delimiter do not count.")] = False
    comment_char: Annotated[
        _Character | None, Meta(description="Lines that start with this character are no records.")
    ] = None
    header: Annotated[bool, Meta(description="csv, xlsx: the first record holds the labels.")] = True
    commented_header: Annotated[
        bool, Meta(description="csv: the labels stand in a comment, the newest that has some above a record.")
    ] = False
    header_prefix: Annotated[
        Annotated[str, Meta(min_length=1, max_length=64)] | None,
        Meta(
            description="What a comment with labels starts with, behind commentChar; `Fields:` and `fields` are known."
        ),
    ] = None
    labels: Annotated[
        tuple[_Label, ...],
        Meta(description="With header false: the columns' labels by position; col1, col2 ... else.", max_length=500),
    ] = ()
    missing_cells: Annotated[
        Literal["reject", "pad"],
        Meta(description="csv: of a record with fewer cells than labels the rest is NULL (pad)."),
    ] = "reject"
    extra_cells: Annotated[
        Literal["reject", "cut", "join"],
        Meta(description="csv: cells beyond the last label are left out (cut), or part of the last one (join)."),
    ] = "reject"
    skip_rows: Annotated[
        int, Meta(description="csv: lines, xlsx: rows, before the header that do not count.", ge=0, le=10_000)
    ] = 0
    blank_rows: Annotated[
        Literal["reject", "skip"],
        Meta(description="Rows and lines without a value: rejected (blank-row), or left out and counted as filtered."),
    ] = "reject"
    members: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...],
        Meta(description="Glob patterns of the files to take from an archive; all by default.", max_length=64),
    ] = ()
    encoding: Annotated[
        str,
        Meta(
            description="Character encoding: one that keeps ASCII as it is, utf-16, or auto (told from the bytes).",
            max_length=40,
        ),
    ] = "utf-8"
    max_record_bytes: Annotated[Quantity, Meta(description="A longer record is rejected, and not held in memory.")] = (
        Quantity("1Mi")
    )

    @property
    def kind(self) -> Kind:
        """What is to be known of its type."""
        return KINDS[self.type]

    def own(self, words: _OwnWords[_Own]) -> _Own:
        """The words that belong to one type only, as its file declares them."""
        return words(**{name: getattr(self, name) for name in words.__struct_fields__})

    @property
    def delimited(self) -> bool:
        """Records of cells between delimiters."""
        return self.kind.cut == "cells"

    @property
    def json_lines(self) -> bool:
        """What is cut and travels is ndjson, whatever the file is."""
        return self.kind.cut == "json"

    @property
    def sampled(self) -> bool:
        """Each record names its own labels, so that those of the first ones need not be all."""
        return self.json_lines and not self.held_whole

    @property
    def separator(self) -> str:
        """The delimiter, or its type's."""
        return self.delimiter or self.kind.delimiter

    @property
    def quote(self) -> str:
        """The quote, or its type's; empty where there is none."""
        return self.kind.quote if self.quote_char is None else self.quote_char

    @property
    def plain_quotes(self) -> bool:
        """Quotes as RFC 4180 has them, or none: nothing escaped, no blanks skipped."""
        plain = not self.quote or (self.quote, self.double_quote) == ('"', True)
        return plain and (self.escape_char, self.skip_initial_space) == (None, False)

    def csv_words(self) -> dict[str, Any]:
        """The dialect in the words of Python's csv module."""
        return {
            "delimiter": self.separator,
            "quotechar": self.quote or None,
            "quoting": csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            "doublequote": self.double_quote,
            "escapechar": self.escape_char,
            "skipinitialspace": self.skip_initial_space,
        }

    @property
    def text_encoding(self) -> str:
        """The encoding of the bytes that travel: what could not be cut at bytes was made utf-8 by the fetcher."""
        return "utf-8" if self.transcoded or self.held_whole else self.encoding

    @property
    def transcoded(self) -> bool:
        """The fetcher makes utf-8 of it before it cuts."""
        return self.encoding == AUTO or self.encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32"))

    @property
    def held_whole(self) -> bool:
        """A library of other languages reads it, and may end the process."""
        return self.kind.held_whole

    @property
    def translated(self) -> bool:
        """What is cut are not the file's own bytes, so that it cannot be read from the middle on."""
        return self.transcoded or self.kind.opened


_WHAT = """How an object's bytes become records. The words for csv are Frictionless CSV Dialect's."""

if TYPE_CHECKING:

    class Format(_Words, frozen=True):
        """How an object's bytes become records."""
else:
    Format = msgspec.defstruct(
        "Format",
        [(each.name, each.type, each.default) for kind in KINDS.values() for each in msgspec.structs.fields(kind.own)],
        bases=(_Words,),
        module=__name__,
        namespace={"__doc__": _WHAT},
        frozen=True,
        kw_only=True,
    )
