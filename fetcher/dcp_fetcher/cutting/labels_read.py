"""Labels that stand in comments, before the first record and again above later ones.

W3C logs (IIS, CloudFront) say `#Fields: `, Zeek `#fields<TAB>`, others what format.headerPrefix says, or nothing: then
a comment has labels if it stands right before the first record, or if it is like the labels that hold so far.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

from dcp_fetcher.ground.errors import DamagedError
from dcp_pipeline.spec.words.format import Format

_DIRECTIVE = re.compile(r"fields(?::[ \t]*|[ \t]+)", re.IGNORECASE)
_NAME = re.compile(r"[^\W\d][\w .:/()%#-]*")
_ALIKE = 2
"""One in so many of a later comment's cells stands among the labels that hold: then it has labels itself."""


class HeaderError(DamagedError):
    """The first record cannot be a header."""


@dataclass(frozen=True)
class Relabelled:
    """From byte `offset` of the object on, records that start there have other labels."""

    offset: int
    labels: tuple[str, ...]


def labels_of(raw: bytes, form: Format) -> tuple[str, ...]:
    """The cells of one record. Bad bytes in a label become U+FFFD: the others can still be read by theirs."""
    text = raw.decode(form.text_encoding, errors="replace")
    try:
        cells = next(csv.reader(io.StringIO(text, newline=""), **form.csv_words()), [])
    except csv.Error as error:
        raise HeaderError(f"the header cannot be read: {error}") from error
    return tuple(cell.strip() for cell in cells)


def labels_in_comment(line: bytes, form: Format, known: tuple[str, ...] | None = None) -> tuple[str, ...] | None:
    """The labels that a comment holds. `known`: those that hold above it; None before the first record."""
    content = line.lstrip((form.comment_char or "").encode()).strip()
    told = _behind_prefix(content, form)
    if told is not None:
        return told
    if form.header_prefix is not None or form.separator.encode() not in content:
        return None
    labels = labels_of(content, form)
    alike = known is None or (len(labels) > 1 and len(set(labels) & set(known)) * _ALIKE >= len(labels))
    return labels if alike else None


def is_told(line: bytes, form: Format) -> bool:
    """Whether a comment says itself that it has labels."""
    return _behind_prefix(line.lstrip((form.comment_char or "").encode()).strip(), form) is not None


def are_names(labels: tuple[str, ...]) -> bool:
    """Whether a record can be nothing but labels: each a word, all different."""
    return len(set(labels)) == len(labels) > 0 and all(_NAME.fullmatch(label) for label in labels)


def _behind_prefix(content: bytes, form: Format) -> tuple[str, ...] | None:
    text = content.decode("latin-1")
    if form.header_prefix is not None:
        if not content.startswith(prefix := form.header_prefix.encode()):
            return None
        return labels_of(content[len(prefix) :].strip(), form)
    found = _DIRECTIVE.match(text)
    if found is None:
        return None
    rest = content[found.end() :]
    # W3C has blanks between labels, whatever stands between the cells.
    labels = labels_of(rest, form) if form.separator.encode() in rest else _words(rest, form)
    return labels if len(labels) > 1 else None


def _words(raw: bytes, form: Format) -> tuple[str, ...]:
    return tuple(raw.decode(form.text_encoding, errors="replace").split())
