"""Transforms that put other values in a value's place: a mapping, a table, a default, a part of JSON text."""

from __future__ import annotations

import polars as pl

from dcp_pipeline.spec.transforms import JsonPath, Lookup, MapValues
from dcp_worker.clean.outside import Outside
from dcp_worker.clean.transforms.change import Change, changed, each_distinct
from dcp_worker.clean.transforms.json_path import parse_path, value_at


def map_values(rule: MapValues) -> Change:
    old, new = list(rule.values), list(rule.values.values())
    if rule.otherwise == "keep":
        return Change(lambda text: text.replace(old, new))
    return Change(
        lambda text: text.replace_strict(old, new, default=None, return_dtype=pl.String),
        rule.otherwise,
        "is none of the values of the map",
    )


def lookup(rule: Lookup, path: str, outside: Outside) -> Change:
    """Raises PlanError where the table cannot be read."""
    table = outside.table(rule, path)
    return Change(
        # The table is asked for with each batch, for its file may have changed.
        lambda text: text.map_batches(lambda texts: changed(table().get, texts), return_dtype=pl.String),
        rule.otherwise,
        f"is not in the column {rule.key!r} of {rule.path}",
    )


def json_value(rule: JsonPath, path: str) -> Change:
    """Raises PlanError for a path that is none."""
    steps = parse_path(rule.path, f"{path}.path")
    return Change(each_distinct(lambda text: value_at(text, steps)), rule.otherwise, f"has no value at {rule.path}")
