"""A transform, compiled: an expression, or Python once per distinct value where Polars has no way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import polars as pl

from dcp_pipeline.spec.transforms.listed import Otherwise
from dcp_worker.clean.outside import Outside

Apply = Callable[[pl.Expr], pl.Expr]
OneText = Callable[[str], str | None]


class Change(msgspec.Struct, frozen=True):
    """What a transform does to text. Null stays null, unless the transform is a default.

    `otherwise` says what becomes of a text for which `apply` gives null; None where that cannot be. `complaint`
    ends the sentence of a reject, which the text begins. `alone`: its input is made first, because `apply` reads it
    more than once.
    """

    apply: Apply
    otherwise: Otherwise | None = None
    complaint: str = ""
    alone: bool = False


class At(msgspec.Struct, frozen=True):
    """Where a transform stands: its setting's path, the words for a missing value, the world outside the spec."""

    path: str
    missing: Sequence[str]
    outside: Outside


def each_distinct(change: OneText, unless: str | None = None) -> Apply:
    """Python's `change` of each distinct text, None for one that it cannot do.

    Texts that match the pattern `unless` are as they shall be already, and are not looked at.
    """
    return lambda text: text.map_batches(partial(changed, change, unless=unless), return_dtype=pl.String)


def changed(change: OneText, text: pl.Series, unless: str | None = None) -> pl.Series:
    """The texts, changed as each_distinct says."""
    done = text.str.contains(unless) if unless is not None else None
    if done is not None and done.all():
        return text
    distinct = (text.filter(~done) if done is not None else text).drop_nulls().unique()
    texts = pl.Series([change(each) for each in distinct], dtype=pl.String)
    table = pl.DataFrame({"text": distinct, "changed": texts})
    found = text.alias("text").to_frame().join(table, on="text", how="left", maintain_order="left")["changed"]
    if done is not None:
        found = text.zip_with(done.fill_null(False), found)
    return found.alias(text.name)


Compiled = Mapping[str, Callable[[Any, At], Change]]
"""Transform, as people write it: what makes it of its settings (None of a word that has none), where it stands."""
