"""From the spec's fields to columns of SQLite, which keeps rows in the order of their arrival."""

from __future__ import annotations

from collections.abc import Sequence

from dcp_pipeline.spec.model import Field
from dcp_worker.sink.shape import BATCH, ID, RECORD, Quote

_TYPES = {
    "string": "TEXT",
    "ip": "TEXT",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "decimal": "TEXT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "time": "TIME",
    "datetime": "DATETIME",
}


def column_types(fields: Sequence[Field]) -> dict[str, str]:
    """The type of each field's column, and of our own."""
    # SQLite has no exact type for numbers of more than 64 bits but text.
    types = {each.name: "TEXT" if each.wide else _TYPES[each.type] for each in fields}
    return types | {ID: "BLOB", BATCH: "BLOB", RECORD: "BIGINT"}


def create_table(table: str, fields: Sequence[Field], quote: Quote) -> str:
    """The statement that makes the table. Fields may be NULL, required ones too."""
    types = column_types(fields)
    lines = [f"{quote(each.name)} {types[each.name]}" for each in fields]
    lines += [f"{quote(name)} {types[name]} NOT NULL" for name in (ID, BATCH, RECORD)]
    lines.append(f"CONSTRAINT {quote(ID)} UNIQUE ({quote(ID)})")
    return f"CREATE TABLE {quote(table)} ({', '.join(lines)})"
