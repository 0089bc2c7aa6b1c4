"""Transforms that put other values in a value's place: a mapping, a table, a default, a part of JSON text."""

from __future__ import annotations

import polars as pl

from dcp_pipeline.spec.transforms.values import JsonPath, Lookup, MapValues
from dcp_worker.clean.prepare import without_missing
from dcp_worker.clean.transforms.change import At, Change, Compiled, changed, each_distinct
from dcp_worker.clean.transforms.json_path import parse_path, value_at


def map_values(rule: MapValues, at: At) -> Change:
    old, new = list(rule.values), list(rule.values.values())
    if rule.otherwise == "keep":
        return Change(lambda text: text.replace(old, new))
    return Change(
        lambda text: text.replace_strict(old, new, default=None, return_dtype=pl.String),
        rule.otherwise,
        "is none of the values of the map",
    )


def lookup(rule: Lookup, at: At) -> Change:
    """Raises PlanError where the table cannot be read."""
    table = at.outside.table(rule, at.path)
    return Change(
        # The table is asked for with each batch, for its file may have changed.
        lambda text: text.map_batches(lambda texts: changed(table().get, texts), return_dtype=pl.String),
        rule.otherwise,
        f"is not in the column {rule.key!r} of {rule.path}",
    )


def json_value(rule: JsonPath, at: At) -> Change:
    """Raises PlanError for a path that is none."""
    steps = parse_path(rule.path, f"{at.path}.path")
    return Change(each_distinct(lambda text: value_at(text, steps)), rule.otherwise, f"has no value at {rule.path}")


def default(word: str, at: At) -> Change:
    return Change(lambda text: without_missing(text, at.missing).fill_null(word), alone=True)


COMPILED: Compiled = {"map": map_values, "lookup": lookup, "default": default, "json": json_value}
