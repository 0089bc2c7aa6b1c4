"""Numbers as people write them: decimalChar, groupChar and bareNumber of Frictionless' Table Schema.

What does not fit becomes null: "1.5" is no number of a field whose groups are separated by points.
"""

from __future__ import annotations

import re

import polars as pl

from dcp_pipeline.spec.model import Field

_BLANKS = " \u00a0\u2009\u202f"
"""A group character that is a blank stands for any of these."""


def is_plain(field: Field) -> bool:
    """Whether the field's numbers are written as programs write them."""
    return field.decimal_char == "." and field.group_char is None and field.bare_number


def plain_number(text: pl.Expr, field: Field) -> pl.Expr:
    """The number in the text with a point before its decimals and nothing between its digits; null for no number."""
    if not field.bare_number:
        text = text.str.extract(r"\A[^0-9+.,-]*([+-]?[^A-Za-z]*?[0-9][^A-Za-z]*?)[^0-9]*\z", 1)
    group = _class(field.group_char) if field.group_char is not None else None
    whole = "[0-9]+" if group is None else rf"[0-9]{{1,3}}(?:{group}[0-9]{{2,3}})*{group}[0-9]{{3}}|[0-9]+"
    point = _class(field.decimal_char)
    fits = rf"\A[+-]?(?:(?:{whole})(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?\z"
    text = pl.when(text.str.contains(fits)).then(text)
    if group is not None:
        text = text.str.replace_all(group, "")
    return text if field.decimal_char == "." else text.str.replace(field.decimal_char, ".", literal=True)


def _class(char: str) -> str:
    return f"[{_BLANKS}]" if char in _BLANKS else f"[{re.escape(char)}]"
