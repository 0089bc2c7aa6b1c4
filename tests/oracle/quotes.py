"""csv as docs/formats.md has it, one character after the other: no csv module, no code of the product.

A record is its cells up to a line end outside quotes. Where a quote is never closed, or followed by something else than a
delimiter or a line end, the record is the physical line in which it starts, and cannot be read; but for a last cell that
nobody closes, before lines that are all records of as many cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """Of a dialect."""

    delimiter: str = ","
    quote: str = '"'
    doubled: bool = True
    escape: str = ""
    blanks: bool = False


@dataclass(frozen=True)
class Found:
    """A record with its line end; `cells` is None where it cannot be read."""

    text: str
    cells: list[str] | None


def records(text: str, words: Words = Words()) -> Iterator[Found]:
    """All records of a text without header."""
    at = 0
    while at < len(text):
        end_of_line = _end_of_line(text, at)
        line = text[at:end_of_line]
        if words.quote not in line and not words.escape and not words.blanks and words.quote:
            yield Found(line, line.rstrip("\r\n").split(words.delimiter))
            at = end_of_line
            continue
        try:
            end, cells = _record(text, at, words)
        except NeverClosed:
            end, cells = end_of_line, _ended_with_its_line(text, at, end_of_line, words)
        except SyntaxError:
            end, cells = end_of_line, None
        yield Found(text[at:end], cells)
        at = end


def _end_of_line(text: str, at: int) -> int:
    ends = [end for end in (text.find("\n", at), text.find("\r", at)) if end >= 0]
    return _behind(text, min(ends)) if ends else len(text)


def _behind(text: str, at: int) -> int:
    return at + 2 if text[at : at + 2] == "\r\n" else at + 1


def _record(text: str, at: int, words: Words) -> tuple[int, list[str]]:
    cells = []
    while True:
        at, cell = _cell(text, at, words)
        cells.append(cell)
        if at == len(text):
            return at, cells
        if text[at] in "\r\n":
            return _behind(text, at), cells if cells != [""] else []
        at += 1


def _cell(text: str, at: int, words: Words) -> tuple[int, str]:
    while words.blanks and text[at : at + 1] == " ":
        at += 1
    if words.quote and text[at : at + 1] == words.quote:
        return _quoted(text, at + 1, words)
    cell = ""
    while at < len(text) and text[at] not in (words.delimiter, "\r", "\n"):
        if text[at] == words.escape:
            at += 1
        cell += text[at : at + 1]
        at = min(at + 1, len(text))
    return at, cell


def _quoted(text: str, at: int, words: Words) -> tuple[int, str]:
    cell = ""
    while at < len(text):
        if text[at] == words.escape:
            cell += text[at + 1 : at + 2]
            at += 2
        elif text[at] != words.quote:
            cell += text[at]
            at += 1
        elif words.doubled and text[at + 1 : at + 2] == words.quote:
            cell += words.quote
            at += 2
        elif at + 1 == len(text) or text[at + 1] in (words.delimiter, "\r", "\n"):
            return at + 1, cell
        else:
            raise SyntaxError
    raise NeverClosed


class NeverClosed(Exception):
    """A quote is open at the end of the text."""


def _ended_with_its_line(text: str, at: int, end: int, words: Words) -> list[str] | None:
    line = text[at:end].rstrip("\r\n")
    below = [each for each in text[end:].replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1] if each]
    if words.escape or not below:
        return None
    try:
        _, cells = _record(line + words.quote, 0, words)
    except (SyntaxError, NeverClosed):
        return None
    alike = all(words.quote not in each and each.count(words.delimiter) == len(cells) - 1 for each in below)
    return cells if alike and any(cells) and len(cells) > 1 else None
