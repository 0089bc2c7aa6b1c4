"""Alters a table of SQLite, which can add columns and indexes and change nothing."""

from __future__ import annotations

from collections.abc import Iterator

from dcp_worker.sink.alterations import AddColumn, AddKey, Alteration, ChangeColumn
from dcp_worker.sink.shape import Quote


def altered(table: str, alteration: Alteration, quote: Quote) -> Iterator[str]:
    """The lines of a script for one alteration."""
    match alteration:
        case AddColumn(name, type_):
            yield f"ALTER TABLE {quote(table)} ADD COLUMN {quote(name)} {type_};"
        case AddKey(name, columns, unique):
            # Names of indexes are the database's.
            listed = ", ".join(map(quote, columns))
            kind = "UNIQUE INDEX" if unique else "INDEX"
            yield f"CREATE {kind} {quote(table + name)} ON {quote(table)} ({listed});"
        case ChangeColumn(column, type_, nullable):
            wanted = type_ if nullable else f"{type_} NOT NULL"
            yield f"-- SQLite cannot change a column: make the table anew with {quote(column.name)} {wanted}"
