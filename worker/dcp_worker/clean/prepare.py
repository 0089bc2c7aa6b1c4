"""Before the type: each field's text, made in stages, every stage one pass over the batch.

Most fields need one stage: their cell, without missing values. A transform that may reject, or that reads its input
twice, and a field that is made of others, begin a stage of their own; fields share the stages. transforms/ has what
each transform does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import polars as pl

from dcp_pipeline.spec.model import Field
from dcp_worker.clean.transforms.change import Change
from dcp_worker.formats.records import cell_column


def text_column(name: str) -> str:
    """The column that holds a field's prepared text; no field's name has a colon."""
    return f"{name}:text"


def found_column(field: str) -> str:
    """Column beside the cells for what enrichment found for a field."""
    return f"found:{field}"


def without_missing(text: pl.Expr, missing: Sequence[str]) -> pl.Expr:
    """Null for the words that stand for a missing value."""
    if not missing:
        return text
    return pl.when(text.is_in(list(missing))).then(None).otherwise(text)


class Failure(msgspec.Struct, frozen=True):
    """Where a transform that rejects failed: the columns with its input, and with its output."""

    before: str
    after: str
    change: Change
    number: int
    """Of the transform in its field."""


class Texts(msgspec.Struct, frozen=True):
    """The texts of some fields, compiled. `cells` are the columns that they read, absent ones being null; `made` those
    that are added, the texts and what is kept on the way."""

    cells: frozenset[str]
    stages: tuple[tuple[pl.Expr, ...], ...]
    made: tuple[str, ...]

    def of(self, cells: pl.DataFrame) -> pl.DataFrame:
        """The cells, and beside them the texts (text_column) and what was kept on the way."""
        absent = self.cells.difference(cells.columns)
        frame = cells.with_columns(pl.lit(None, pl.String).alias(name) for name in absent) if absent else cells
        for stage in self.stages:
            frame = frame.with_columns(stage)
        return frame


class TextPlanner:
    """Puts the making of texts into as few stages as there can be. Fields come in an order in which each can be made.

    `given` are texts that stand in the cells already. `missing` are the words for a missing value; `changes` of a
    field are its transforms.
    """

    def __init__(self, missing: Sequence[str], filled: Iterable[str] = (), given: Iterable[str] = ()) -> None:
        self._missing, self._filled = tuple(missing), frozenset(filled)
        self._given = frozenset(given)
        self._cells: set[str] = set()
        self._stages: list[list[pl.Expr]] = []
        self._ready: dict[str, int] = {}

    def texts(self) -> Texts:
        return Texts(frozenset(self._cells), tuple(map(tuple, self._stages)), tuple(self._ready))

    def add(self, field: Field, changes: Sequence[Change]) -> tuple[Failure, ...]:
        """Plan the text of a field."""
        text, at = self._source(field)
        missing = self._words(field)
        padded = any(word != word.strip() for word in missing)
        if changes or (field.type != "string" and padded):  # else once, at the end, tells the same
            text = without_missing(text, missing)
        failures = []
        for number, change in enumerate(changes):
            if change.otherwise == "reject":
                before, at = self._keep(field, text, at)
                after, at = self._keep(field, change.apply(pl.col(before)), at)
                failures.append(Failure(before, after, change, number))
                text = pl.col(after)
            elif change.otherwise == "keep":
                before, at = self._keep(field, text, at)
                text = pl.coalesce(change.apply(pl.col(before)), pl.col(before))
            elif change.alone:
                before, at = self._keep(field, text, at)
                text = change.apply(pl.col(before))
            else:
                text = change.apply(text)
        if field.type != "string":
            text = text.str.strip_chars()
        if missing and (changes or field.type != "string"):  # which reads the text twice
            before, at = self._keep(field, text, at)
            text = pl.col(before)
        self._put(text_column(field.name), without_missing(text, missing), at)
        return tuple(failures)

    def _words(self, field: Field) -> Sequence[str]:
        """What stands for a missing value in this field."""
        return self._missing if field.missing_values is None else field.missing_values

    def _source(self, field: Field) -> tuple[pl.Expr, int]:
        """Where the field's text begins, and the stage from which on it is there."""
        sources: list[pl.Expr] = []
        at = 0
        if field.name in self._filled:
            sources.append(self._cell(found_column(field.name)))
        if field.compute is None:
            cells = [self._cell(cell_column(label)) for label in field.labels]
            sources += cells if len(cells) == 1 else [without_missing(cell, self._words(field)) for cell in cells]
        else:
            computed, at = self._computed(field)
            sources.append(computed)
        if len(sources) == 1 and field.compute is None:
            return sources[0], at
        name, at = self._keep(field, pl.coalesce(sources), at)
        return pl.col(name), at

    def _computed(self, field: Field) -> tuple[pl.Expr, int]:
        compute = field.compute
        assert compute is not None
        texts = [self._text_of(name) for name in compute.sources]
        at = max((self._ready.get(text_column(name), 0) for name in compute.sources), default=0)
        if compute.join is None:
            return pl.coalesce(texts), at
        joined = pl.concat_str(texts, separator=compute.join.separator, ignore_nulls=True)
        return pl.when(pl.any_horizontal(text.is_not_null() for text in texts)).then(joined), at

    def _text_of(self, name: str) -> pl.Expr:
        column = text_column(name)
        return self._cell(column) if column in self._given else pl.col(column)

    def _cell(self, column: str) -> pl.Expr:
        self._cells.add(column)
        return pl.col(column)

    def _keep(self, field: Field, text: pl.Expr, at: int) -> tuple[str, int]:
        """Make a text on the way to the field's own: its column, and the stage from which on it is there."""
        if text.meta.is_column() and not text.meta.output_name().startswith(("cell:", "found:")):
            return text.meta.output_name(), at
        column = f"{field.name}:{len(self._ready)}"
        return column, self._put(column, text, at)

    def _put(self, column: str, text: pl.Expr, at: int) -> int:
        while len(self._stages) <= at:
            self._stages.append([])
        self._stages[at].append(text.alias(column))
        self._ready[column] = at + 1
        return at + 1
