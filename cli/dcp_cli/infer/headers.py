"""Whether a table's first record holds labels, and what to do about odd ones. Pure; layout.py tells the columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

_LABEL_CHARS = 64
_TITLE_CHARS = 300
_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}")
_VALUE = re.compile(r"[-+]?[\d.,:/ TZ-]+%?|https?://\S+|[0-9a-fA-F]{32,}|(?i:true|false|null|none)")
_NUMBER = re.compile(r"[-+]?[\d.,:/ -]+%?")
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True)
class Tried:
    """The records of a sample between delimiters; `share` of them has `width` cells."""

    delimiter: str
    quote: str
    escape: str
    spaced: bool
    rows: list[list[str]]
    width: int
    share: float

    @property
    def score(self) -> tuple[float, int]:
        return (round(self.share, 2) if self.width > 1 else 0.0, self.width)

    def cells(self, line: str) -> list[str]:
        """One line's cells."""
        return next(cells_of([line], self.delimiter, self.quote, self.escape, self.spaced), [])


def cells_of(lines: Sequence[str], delimiter: str, quote: str, escape: str, spaced: bool) -> Iterator[list[str]]:
    """The cells of lines; `quote` and `escape` are empty where there is none."""
    return csv.reader(
        lines,
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        escapechar=escape or None,
        skipinitialspace=spaced,
    )


@dataclass(frozen=True)
class Found:
    """Words of the format, and what was seen with whether it is sure."""

    words: dict[str, Any]
    seen: tuple[tuple[str, bool], ...]


def wider_first(tried: Tried) -> bool:
    """The first record looks like labels, of which all others fill the first few only."""
    first, others = tried.rows[0], tried.rows[1:]
    return bool(others) and all(len(row) < len(first) for row in others) and is_header(first, others)


def header(lines: Sequence[str], best: Tried, comment: str | None) -> Found:
    """Where the labels of a table stand."""
    rows = [row for row in best.rows if len(row) == best.width] or best.rows
    others = _without_labels_again(rows[0], rows[1:] or best.rows[1:])
    if _commented_labels(lines, best, comment) and not is_header(rows[0], others):
        seen = f"the last comment before the first record has {best.width} labels"
        return Found({"commentedHeader": True}, ((seen, True),))
    words: dict[str, Any] = {}
    notes: list[tuple[str, bool]] = []
    at = next((number for number, line in enumerate(lines) if best.cells(line) == rows[0]), 0)
    if len(best.rows[0]) != best.width and best.width > 1 and at:
        words["skipRows"] = at
        notes.append((f"CHECK: the first {at} lines are no table", False))
    if not is_header(rows[0], others):
        notes.append(_none(rows[0], others))
        return Found({**words, "header": False}, tuple(notes))
    told = "the first record has labels: " + ", ".join(rows[0])[:200]
    plain = _plain(rows[0])
    if plain != [each.strip() for each in rows[0]]:
        words |= {"header": False, "labels": plain, "skipRows": at + 1}
        notes.append((f"{told}; those that are empty or stand twice are named here", True))
    elif not _contrast(rows[0], others):
        notes.append((f"CHECK: {told}; all below is text too, so that it may be a record (header: false)", False))
    else:
        notes.append((told, True))
    if others and all(len(row) < len(rows[0]) for row in best.rows[1:]):
        words["missingCells"] = "pad"
        notes.append(
            ("CHECK: every record has fewer cells than there are labels; missingCells: pad fills them up", False)
        )
    return Found(words, tuple(notes))


def _none(first: Sequence[str], others: Sequence[Sequence[str]]) -> tuple[str, bool]:
    seen = "there is no header: the first record looks like the others; name the columns in labels"
    word = len(first) == 1 and first[0].strip().isidentifier() and not any(first[0] in row for row in others)
    return (f"CHECK: {seen}, and skip a line (skipRows: 1) if {first[0]} is one", False) if word else (seen, True)


def _plain(labels: Sequence[str]) -> list[str]:
    """Each label once, and one for each column without."""
    plain: list[str] = []
    for number, label in enumerate(labels):
        name = base = label.strip() or f"col{number + 1}"
        again = 2
        while name in plain:
            name, again = f"{base}_{again}", again + 1
        plain.append(name)
    return plain


def _without_labels_again(first: Sequence[str], others: Sequence[list[str]]) -> Sequence[list[str]]:
    """The records without those that are the first once more, where that shows that it has labels: files that were put
    one behind the other, as an archive's are."""
    values = [row for row in others if row != first]
    return values if values and len(values) < len(others) and _contrast(first, values) else others


def _contrast(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Whether some column has a text on top and no text below."""
    columns = zip(*others, strict=False) if others else ()
    return not others or any(
        not _NUMBER.fullmatch(label.strip()) and all(_VALUE.fullmatch(cell.strip()) for cell in column if cell.strip())
        for label, column in zip(first, columns, strict=False)
        if any(cell.strip() for cell in column)
    )


def _commented_labels(lines: Sequence[str], best: Tried, comment: str | None) -> bool:
    if comment is None:
        return False
    found = None
    for line in lines:
        if line.strip() and not line.startswith(comment):
            break
        content = line.lstrip(comment).strip()
        if best.delimiter in content or (best.width == 1 and content):
            found = next(cells_of([content], best.delimiter, best.quote, best.escape, True), [])
    return found is not None and best.width > 1 and len(found) == best.width and all(map(is_label, found))


def is_header(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Labels over columns in which values look otherwise; a few years among them may count as labels.

    A label that is a value of its own column too counts against it where most columns are so.
    """
    named = [cell.strip() for cell in first if cell.strip()]
    years = [cell for cell in named if _YEAR.fullmatch(cell)]
    counted = len(years) > 1 and len(years) < len(named) and years == sorted(set(years))
    if not named or not all(is_label(cell) or (counted and cell in years) for cell in named):
        return _titles(named, first, others)
    columns = list(zip(*others, strict=False)) if others else []
    again = [label in column for label, column in zip(first, columns, strict=False) if label.strip()]
    if again and sum(again) * 2 > len(again):
        return False
    return not columns or len(first) > 1 or not (_HOST.fullmatch(named[0]) or is_label(columns[0][0]))


def _titles(named: Sequence[str], first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Questions, emojis and the like, each once, over a column of values that they are none of."""
    plain = len(set(named)) == len(named) > 1 and all(map(_is_title, named))
    return plain and bool(others) and _contrast(first, others)


def _is_title(text: str) -> bool:
    named = text.isprintable() and len(text) <= _TITLE_CHARS and not _VALUE.fullmatch(text)
    return named and any(each.isalpha() or not each.isascii() for each in text)


def is_label(cell: str) -> bool:
    """Something that names a column: with a letter in it, short, and no value that one knows."""
    text = cell.strip()
    if not text.isprintable() or len(text) > _LABEL_CHARS or not any(map(str.isalpha, text)) or _VALUE.fullmatch(text):
        return False
    try:
        ip_address(text)
    except ValueError:
        return True
    return False
