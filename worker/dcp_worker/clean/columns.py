"""The fields of a spec as columns: text, then typed values, then the first check that each record fails."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, reduce

import msgspec
import polars as pl

from dcp_pipeline.spec.model import Field
from dcp_worker.clean.checks.checks import Check
from dcp_worker.clean.prepare import Texts, text_column
from dcp_worker.clean.types.parsing import Parser
from dcp_worker.formats.records import INDEX, Fault

_LISTED_CHARS = 500
_TOGETHER = 16
"""Checks in one expression: of 110 in one the planning alone took 18 ms a batch, in sixteens 4."""


class Column(msgspec.Struct, frozen=True):
    """A field, compiled."""

    field: Field
    parse: Parser
    checks: tuple[Check, ...]
    exact: bool = False
    """Its numbers are kept as their digits."""


class Part(msgspec.Struct, frozen=True, dict=True):
    """Fields that are made together."""

    columns: tuple[Column, ...]
    texts: Texts

    def typed(self, cells: pl.DataFrame) -> list[pl.Series]:
        """For each column its text and its values, from cells by label and, before them, what enrichment found.

        The texts that a transform may reject are there too.
        """
        frame = self.texts.of(cells)
        made = [frame[name] for name in self.texts.made]
        texts = {series.name: series for series in made}
        first, *others = self._stages
        frame = frame.select(first)
        for stage in others:
            frame = frame.with_columns(stage)
        for column, values in zip(self.columns, frame, strict=True):
            made.append(column.parse.mend(texts[text_column(column.field.name)], values))
        return made

    @cached_property
    def _stages(self) -> list[list[pl.Expr]]:
        """The steps of all columns side by side. Made once: to make them costs as much as to run them."""
        stages: list[list[pl.Expr]] = [[]]
        for column in self.columns:
            name = column.field.name
            first, *others = column.parse.steps or (_as_it_is,)
            stages[0].append(first(pl.col(text_column(name))).alias(name))
            for number, step in enumerate(others, 1):
                stages += [[] for _ in range(number + 1 - len(stages))]
                stages[number].append(step(pl.col(name)))
        return stages


def _as_it_is(text: pl.Expr) -> pl.Expr:
    return text


class Checks(msgspec.Struct, frozen=True, dict=True):
    """All that records of these columns must hold to."""

    columns: tuple[Column, ...]

    def failures(self, frame: pl.DataFrame) -> tuple[pl.Series, list[Fault]]:
        """Which rows fail, and for each of them its first failure in the order of the fields."""
        if not self._all:
            return pl.repeat(False, frame.height, eager=True), []
        failing = reduce(operator.or_, (frame.select(some).to_series() for some in self._failing))
        if not failing.any():
            return failing, []
        bad = frame.filter(failing)
        first = reduce(pl.Series.fill_null, (bad.select(some).to_series() for some in self._first))
        texts = {check.shows: bad[check.shows].to_list() for _, check in self._all}
        faults = []
        for row, (index, number) in enumerate(zip(bad[INDEX].to_list(), first.to_list(), strict=True)):
            field, check = self._all[number]
            faults.append(Fault(index, check.code, check.reason(texts[check.shows][row]), field.name))
        return failing, faults

    @cached_property
    def _all(self) -> list[tuple[Field, Check]]:
        return [(column.field, check) for column in self.columns for check in column.checks]

    @cached_property
    def _failing(self) -> list[pl.Expr]:
        return [pl.any_horizontal(check.failing for _, check in some).fill_null(False) for some in self._groups()]

    @cached_property
    def _first(self) -> list[pl.Expr]:
        return [pl.coalesce(pl.when(check.failing).then(number) for number, check in some) for some in self._groups()]

    def _groups(self) -> Iterator[list[tuple[int, Check]]]:
        """The checks with their numbers, some at a time."""
        numbered = [(number, check) for number, (_, check) in enumerate(self._all)]
        return (numbered[start : start + _TOGETHER] for start in range(0, len(numbered), _TOGETHER))


def header_faults(
    header: tuple[str, ...],
    columns: Sequence[Column],
    identifying: frozenset[str],
    filled: frozenset[str],
    records: pl.Series,
) -> list[Fault]:
    """A fault for each record where the header lacks a required field's label, all labels, or all of the identity's,
    or has a field's label twice.

    Only a field that is not computed has a label; one that an enrichment fills (`filled`) needs none. `identifying`
    are the fields of the identity.
    """
    labelled = [column.field for column in columns if column.field.compute is None]
    fields = [field for field in labelled if field.name not in filled]
    identity = [field for field in fields if field.name in identifying]
    for group, what in ((fields, "the fields' labels"), (identity, "the labels of `unique`")):
        labels = [label for field in group for label in field.labels]
        if labels and not set(labels) & set(header):
            # Every value would be NULL: it is a comment, a file without header, or another report.
            none = f"none of {what} ({_listed(labels)}) is in the header: {_listed(header)}"
            return [Fault(index, "missing-label", none, None) for index in records]
    for field in labelled:
        fault = _label_fault(field, header, field.name in filled)
        if fault is not None:
            return [Fault(index, *fault, field.name) for index in records]
    return []


def _label_fault(field: Field, header: tuple[str, ...], filled: bool) -> tuple[str, str] | None:
    """Code and reason."""
    twice = [label for label in field.labels if header.count(label) > 1]
    if twice:
        return "duplicate-label", f"the label {twice[0]!r} stands {header.count(twice[0])} times in the header"
    if filled or not field.constraints.required or set(field.labels) & set(header):
        return None
    wanted = " or ".join(map(repr, field.labels))
    return "missing-label", f"the label {wanted} is not in the header: {_listed(header)}"


def _listed(labels: Iterable[str]) -> str:
    return ", ".join(labels)[:_LISTED_CHARS]
