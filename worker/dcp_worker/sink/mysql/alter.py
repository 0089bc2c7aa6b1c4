"""Alters a table of MySQL or MariaDB: one ALTER TABLE, so that it is done whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dcp_worker.sink.alterations import AddColumn, AddKey, Alteration, ChangeColumn, ChangeEngine
from dcp_worker.sink.shape import ObservedColumn, Quote

_OF_TEXTS = re.compile(r" CHARACTER SET \w+| COLLATE \w+| DEFAULT '(?!-?[0-9]+(?:\.[0-9]+)?')(?:[^']|'')*'")
_INTEGERS = ("tinyint", "smallint", "mediumint", "int")
# What is left out may lose something: a DATETIME as DATE its time, a DOUBLE as BIGINT its fraction. In strict mode a
# text that is no number or date stops the change.
_WIDENS = {
    "DOUBLE": (*_INTEGERS, "float", "varchar", "char", "text"),
    "BIGINT": (*_INTEGERS, "year", "varchar", "char", "text"),
    "BOOLEAN": (),
    "DATETIME": ("date", "timestamp", "datetime"),
    "DATE": (),
    "TIME": ("time",),
    "VARCHAR": ("enum", "set", *_INTEGERS, "bigint", "date", "inet4", "inet6", "uuid"),
    "TEXT": ("enum", "set", *_INTEGERS, "bigint", "decimal", "date", "time", "datetime", "json", "uuid", "inet6"),
}


def script(table: str, alterations: Sequence[Alteration], quote: Quote) -> list[str]:
    """The lines of the statement."""
    clauses = [clause for kind in (_columns, _keys) for each in alterations for clause in kind(each, quote)]
    # Where a value that stands there does not fit, nothing is to be changed; the caller's session may be lax.
    strict = ["SET SESSION sql_mode = 'STRICT_ALL_TABLES';"] if any(map(_changes, alterations)) else []
    return [*strict, f"ALTER TABLE {quote(table)}", *(f"  {each}," for each in clauses[:-1]), f"  {clauses[-1]};"]


def widens(column: ObservedColumn, wanted: str) -> bool:
    """Whether every value that a column may hold is the same in a column of type `wanted`, or stops the change."""
    base = wanted.partition("(")[0].removeprefix("MEDIUM").removeprefix("LONG")
    return column.type in _WIDENS.get(base, ())


def _changes(alteration: Alteration) -> bool:
    return isinstance(alteration, ChangeColumn)


def _columns(alteration: Alteration, quote: Quote) -> Iterator[str]:
    match alteration:
        case AddColumn(name, type_):
            yield f"ADD COLUMN {quote(name)} {type_}"
        case ChangeColumn(column, type_, nullable):
            attributes = column.attributes
            if nullable and not column.nullable:
                attributes = attributes.replace(" NOT NULL", "", 1)
            if type_ != column.sql_type and not type_.endswith(("TEXT", ")")):
                # Of what a text had, a default that is no number cannot stay.
                attributes = _OF_TEXTS.sub("", attributes)
            yield f"MODIFY COLUMN {quote(column.name)} {type_}{attributes}"
        case ChangeEngine(engine):
            yield f"ENGINE={engine}"


def _keys(alteration: Alteration, quote: Quote) -> Iterator[str]:
    if isinstance(alteration, AddKey):
        columns = ", ".join(map(quote, alteration.columns))
        yield f"ADD {'UNIQUE ' if alteration.unique else ''}KEY {quote(alteration.name)} ({columns})"
