"""Numbers as people write them: decimalChar, groupChar and bareNumber of Frictionless' Table Schema.

What does not fit becomes null: "1.5" is no number of a field whose groups are separated by points, and "<5" is none
at all, for it is not 5.
"""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from dcp_pipeline.spec.model import Field
from dcp_worker.clean.types.parsing import Step

_BLANKS = " \u00a0\u2009\u202f"
"""A group character that is a blank stands for any of these."""
_MINUS = r"\-" + "\u2212\u2013\ufe63\uff0d"
"""Hyphen, minus, en dash, and the small and the wide hyphen: all of them are set before negative amounts."""
_WORD = r"[\p{L}\p{M}]+"
_BEFORE = rf"(?:{_WORD}\.?|[\p{{Sc}}\s#*'\"])*"
_BEHIND = rf"(?:{_WORD}[.\u00b2\u00b3]?(?:/{_WORD})*|[\p{{Sc}}\s%\u2030\u00b0#*'\"])*"
_OTHER_VALUE_BEFORE = (
    r"(?i)\b(?:minus|negative|neg|less|under|below|over|above|than|to|max|min|about|approx|circa|ca)\b"
)
_OTHER_VALUE_BEHIND = (
    r"\A\s*(?:[kKMB]|(?i:bn|mn|mio|mrd|mln|mld|hundreds?|thousands?|millions?|billions?|trillions?|lakhs?|crores?))\b"
)


def is_plain(field: Field) -> bool:
    """Whether the field's numbers are written as programs write them."""
    return field.decimal_char == "." and field.group_char is None and field.bare_number


def plain_steps(field: Field) -> tuple[Step, ...]:
    """Text to the number in it, with a point before its decimals and nothing between its digits; null for no number."""
    group = _class(field.group_char) if field.group_char is not None else None
    point = _class(field.decimal_char)
    number = _number(group, point)

    def plain(text: pl.Expr) -> pl.Expr:
        if group is not None:
            text = text.str.replace_all(group, "")
        return text if field.decimal_char == "." else text.str.replace(field.decimal_char, ".", literal=True)

    if field.bare_number:
        fits = rf"\A[+-]?{number}\z"
        return (lambda text: plain(pl.when(text.str.contains(fits)).then(text)),)
    surrounded = _surrounded(number)
    return (
        lambda text: text.str.extract_groups(surrounded),
        lambda groups: plain(_alone(groups.struct, point)).name.keep(),
    )


def _number(group: str | None, point: str) -> str:
    """The pattern of a number without its sign."""
    whole = "[0-9]+" if group is None else rf"[0-9]{{1,3}}(?:{group}[0-9]{{2,3}})*{group}[0-9]{{3}}|[0-9]+"
    return rf"(?:(?:{whole})(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?"


def _surrounded(number: str) -> str:
    """The pattern of a number with words, currencies and units around it, and nothing else."""
    sign = rf"[+{_MINUS}]"
    return (
        rf"\A(?<before>{_BEFORE})(?<first>{sign}?)(?<between>{_BEFORE})(?<open>\(?)(?<inside>{_BEFORE})"
        rf"(?<second>{sign}?)\s*(?<number>{number})(?<behind>{_BEHIND})(?<close>\)?)(?<last>[{_MINUS}]?){_BEHIND}\z"
    )


def _alone(parts: Any, point: str) -> pl.Expr:
    """The number with its sign before it, accountants' (5), 5- and -$5 too; null where a word makes it another."""
    before = pl.concat_str(*(parts.field(name) for name in ("before", "between", "inside")), separator="|")
    signs = pl.concat_str(*(parts.field(name) for name in ("first", "second", "last")))
    enclosed = parts.field("open") == "("
    one = (
        (enclosed == (parts.field("close") == ")"))
        & (signs.str.len_chars() + enclosed.cast(pl.UInt32) <= 1)
        & ~before.str.contains(_OTHER_VALUE_BEFORE)
        & ~parts.field("behind").str.contains(_OTHER_VALUE_BEHIND)
        # Of "Rs.500" and "USD.5" nobody knows whether the point belongs to the word.
        & ~before.str.contains(r"\.\|*\z")
        & ~(before.str.contains(r"[\p{L}\p{M}]\|*\z") & parts.field("number").str.contains(rf"\A{point}"))
    )
    minus = pl.when(enclosed | signs.str.contains(rf"[{_MINUS}]")).then(pl.lit("-")).otherwise(pl.lit(""))
    return pl.when(one).then(pl.concat_str(minus, parts.field("number")))


def _class(char: str) -> str:
    return f"[{_BLANKS}]" if char in _BLANKS else f"[{re.escape(char)}]"
