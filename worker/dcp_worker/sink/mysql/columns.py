"""From the spec's fields to columns of MySQL and MariaDB: the types, and the statement that makes the table.

The primary key is (batch, record), the identity a secondary unique key. By that, a batch's rows lie side by side and
are appended, and what is in a batch is found without one more index. The index of identities is written at its end
where the feed is in the order that identities begin with; else at random. docs/adr/0087 has what else was measured.
"""

from __future__ import annotations

from collections.abc import Sequence

from dcp_pipeline.database.mysql.partitions import clause
from dcp_pipeline.spec.model import Field
from dcp_worker.sink.shape import BATCH, ID, RECORD, Quote

_ROW_BYTES = 60_000
"""MySQL's rows have 65,535 bytes without their TEXTs; some are ours."""
_UTF8MB4_BYTES = 4
_IP_CHARS = 45
_WIDEST_DIGITS = 65
"""Of MySQL's DECIMAL."""


def field_type(field: Field, text: bool = False) -> str:
    """The column type of a field; `text` asks for a TEXT where a VARCHAR would do."""
    match field.type:
        case "string":
            return _string(field.constraints.max_length, text)
        case "ip":
            return f"VARCHAR({_IP_CHARS})"
        case "integer":
            return _wide_integer(field) if field.wide else "BIGINT"
        case "number":
            return "DOUBLE"
        case "decimal":
            return f"DECIMAL({field.precision},{field.scale})"
        case "boolean":
            return "BOOLEAN"
        case "date":
            return "DATE"
        case "time":
            return "TIME(6)"
        case "datetime":
            return "DATETIME(6)"


def _wide_integer(field: Field) -> str:
    """Of an integer that is wider than BIGINT."""
    least, most = field.constraints.minimum, field.constraints.maximum
    if isinstance(least, int) and isinstance(most, int):
        if least >= 0 and most < 2**64:
            return "BIGINT UNSIGNED"
        return f"DECIMAL({max(len(str(abs(least))), len(str(most)))},0)"
    return f"DECIMAL({_WIDEST_DIGITS},0)"


def _string(max_length: int | None, text: bool) -> str:
    if max_length is None:
        return "TEXT"
    size = max(1, max_length) * _UTF8MB4_BYTES
    if size <= _ROW_BYTES and not text:
        return f"VARCHAR({max(1, max_length)})"
    if size < 1 << 16:
        return "TEXT"
    return "MEDIUMTEXT" if size < 1 << 24 else "LONGTEXT"


def field_types(fields: Sequence[Field]) -> dict[str, str]:
    """The column types of all fields: where the VARCHARs together are too long for a row, the longest are TEXT."""
    lengths = {each.name: each.constraints.max_length or 0 for each in fields if each.type == "string"}
    as_text: set[str] = set()
    for name in sorted(lengths, key=lambda name: lengths[name], reverse=True):
        if _row_bytes(fields, as_text) <= _ROW_BYTES:
            break
        as_text.add(name)
    return {each.name: field_type(each, each.name in as_text) for each in fields}


def _row_bytes(fields: Sequence[Field], as_text: set[str]) -> int:
    types = (field_type(each, each.name in as_text) for each in fields)
    return sum(int(kind[8:-1]) * _UTF8MB4_BYTES + 2 if kind.startswith("VARCHAR") else 12 for kind in types)


def column_types(fields: Sequence[Field], id_bytes: int) -> dict[str, str]:
    """The type of each field's column, and of our own."""
    return field_types(fields) | {ID: f"BINARY({id_bytes})", BATCH: "BINARY(16)", RECORD: "BIGINT"}


def create_table(table: str, fields: Sequence[Field], id_bytes: int, quote: Quote, bounds: Sequence[str] = ()) -> str:
    """The statement that makes the table, with partitions where there are bounds. Fields may be NULL, required ones
    too: what is required is the spec's to say, and may change."""
    types = column_types(fields, id_bytes)
    lines = [f"{quote(each.name)} {types[each.name]}" for each in fields]
    lines += [f"{quote(name)} {types[name]} NOT NULL" for name in (ID, BATCH, RECORD)]
    # Each key of a table with partitions has to hold what it is parted by.
    parted = f", {quote(ID)}" if bounds else ""
    lines.append(f"PRIMARY KEY ({quote(BATCH)}, {quote(RECORD)}{parted})")
    lines.append(f"UNIQUE KEY {quote(ID)} ({quote(ID)})")
    options = "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin ROW_FORMAT=DYNAMIC"
    behind = f" {clause(bounds)}" if bounds else ""
    return f"CREATE TABLE {quote(table)} ({', '.join(lines)}) {options}{behind}"
