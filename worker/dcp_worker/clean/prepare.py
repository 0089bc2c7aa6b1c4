"""Before the type: missing values and transforms, as one expression per field."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from dcp_pipeline.spec.model import Field, Transform

_TRANSFORMS: Mapping[Transform, Callable[[pl.Expr], pl.Expr]] = {
    "trim": lambda text: text.str.strip_chars(),
    "lower": lambda text: text.str.to_lowercase(),
    "upper": lambda text: text.str.to_uppercase(),
    "collapse": lambda text: text.str.replace_all(r"\s+", " "),
}


def prepare(cell: pl.Expr, field: Field, missing: Sequence[str]) -> pl.Expr:
    """The cell's text, ready for its type; null where it is missing, before or after the transforms.

    Types other than string ignore blanks around the value.
    """
    if field.type == "string" and not field.transforms:
        return _without_missing(cell, missing)
    text = cell
    if field.transforms or any(word != word.strip() for word in missing):  # else once, below, tells the same
        text = _without_missing(cell, missing)
    for transform in field.transforms:
        text = _TRANSFORMS[transform](text)
    if field.type != "string":
        text = text.str.strip_chars()
    return _without_missing(text, missing)


def _without_missing(text: pl.Expr, missing: Sequence[str]) -> pl.Expr:
    if not missing:
        return text
    return pl.when(text.is_in(list(missing))).then(None).otherwise(text)
