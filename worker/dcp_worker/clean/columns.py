"""The fields of a spec as columns: text, then typed values, then the first check that each record fails."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from dcp_pipeline.spec.model import Field
from dcp_worker.clean.checks import Check
from dcp_worker.clean.parsing import Parser
from dcp_worker.clean.prepare import Texts, text_column
from dcp_worker.formats.records import INDEX, Fault

_LISTED_CHARS = 500


@dataclass(frozen=True)
class Column:
    """A field, compiled."""

    field: Field
    parse: Parser
    checks: tuple[Check, ...]


def typed(cells: pl.DataFrame, columns: Sequence[Column], texts: Texts) -> list[pl.Series]:
    """For each column its text and its values, from cells by label and, before them, what enrichment found.

    The texts that a transform may reject are there too.
    """
    frame = texts.of(cells)
    made = [frame[name] for name in texts.made]
    frame = frame.select(pl.col(text_column(each.field.name)).alias(each.field.name) for each in columns)
    for number in range(max((len(column.parse.steps) for column in columns), default=0)):
        frame = frame.with_columns(
            column.parse.steps[number](pl.col(column.field.name))
            for column in columns
            if number < len(column.parse.steps)
        )
    by_name = {series.name: series for series in made}
    for column, values in zip(columns, frame, strict=True):
        made.append(column.parse.mend(by_name[text_column(column.field.name)], values))
    return made


def failures(frame: pl.DataFrame, columns: Iterable[Column]) -> tuple[pl.Series, list[Fault]]:
    """Which rows fail, and for each of them its first failure in the order of the fields."""
    checks = [(column.field, check) for column in columns for check in column.checks]
    if not checks:
        return pl.repeat(False, frame.height, eager=True), []
    failing = frame.select(pl.any_horizontal(check.failing for _, check in checks).fill_null(False)).to_series()
    if not failing.any():
        return failing, []
    bad = frame.filter(failing)
    first = bad.select(
        pl.coalesce(pl.when(check.failing).then(number) for number, (_, check) in enumerate(checks))
    ).to_series()
    texts = {check.shows: bad[check.shows].to_list() for _, check in checks}
    faults = []
    for row, (index, number) in enumerate(zip(bad[INDEX], first, strict=True)):
        field, check = checks[number]
        faults.append(Fault(index, check.code, check.reason(texts[check.shows][row]), field.name))
    return failing, faults


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
        labels = [field.label for field in group]
        if labels and not set(labels) & set(header):
            # Every value would be NULL: it is a comment, a file without header, or another report.
            none = f"none of {what} ({_listed(labels)}) is in the header: {_listed(header)}"
            return [Fault(index, "missing-label", none, None) for index in records]
    for field in labelled:
        found = header.count(field.label)
        if found == 1 or (found == 0 and (field.name in filled or not field.constraints.required)):
            continue
        code = "duplicate-label" if found else "missing-label"
        times = f"stands {found} times in the header" if found else f"is not in the header: {_listed(header)}"
        return [Fault(index, code, f"the label {field.label!r} {times}", field.name) for index in records]
    return []


def _listed(labels: Iterable[str]) -> str:
    return ", ".join(labels)[:_LISTED_CHARS]
