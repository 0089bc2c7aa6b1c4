"""Whether a table that stands in the database can be written to without losing or changing a value.

Pure: what was observed and what the spec wants go in; limits for the cleaning plan, or a TableMismatch that names
the column and the statement that mends it, come out.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from dcp_pipeline.database.errors import TableMismatch
from dcp_pipeline.spec.model import Field
from dcp_worker.ground.limits import ColumnLimit
from dcp_worker.sink.columns import Quote, add_column, column_types, modify_column
from dcp_worker.sink.shape import BATCH, ID, OWN_COLUMNS, RECORD, ObservedColumn, ObservedTable, UniqueKey

_INTEGER_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "integer": 32, "bigint": 64}
_STRINGS = frozenset({"varchar", "tinytext", "text", "mediumtext", "longtext"})


class _Case(msgspec.Struct, frozen=True):
    dialect: str
    table: ObservedTable
    fields: Sequence[Field]
    quote: Quote

    def mismatch(self, what: str, remedy: str) -> TableMismatch:
        return TableMismatch(f"table {self.table.name}: {what}. Mend it: {remedy}")


def limits_of(dialect: str, table: ObservedTable, fields: Sequence[Field], quote: Quote) -> dict[str, ColumnLimit]:
    """What each field's column can hold.

    Raises TableMismatch.
    """
    case = _Case(dialect, table, fields, quote)
    _check_kind(case)
    _check_own_columns(case)
    _check_keys(case)
    _check_rules(case)
    limits = {each.name: _limit(case, each) for each in fields}
    _check_others(case)
    return limits


def identity_keys(table: ObservedTable) -> frozenset[str]:
    """The names of the unique keys on the row's identity alone."""
    return frozenset(key.name for key in table.unique_keys if _lower(key) == (ID,))


def _check_kind(case: _Case) -> None:
    table, name = case.table, case.quote(case.table.name)
    if table.kind != "BASE TABLE":
        raise case.mismatch(f"it is a {table.kind.lower()}, and a plain table is needed", "name another table")
    if table.engine is not None and table.engine.lower() != "innodb":
        remedy = f"ALTER TABLE {name} ENGINE=InnoDB"
        raise case.mismatch(f"its engine is {table.engine}, which has no transactions; InnoDB is needed", remedy)


def _check_own_columns(case: _Case) -> None:
    wanted = column_types(case.dialect, ())
    allowed = {
        ID: {"binary", "varbinary", "blob"},
        BATCH: {"binary", "varbinary", "blob"},
        RECORD: {"bigint", "integer"},
    }
    for name in OWN_COLUMNS:
        column = case.table.column(name)
        statement = f"ALTER TABLE {case.quote(case.table.name)} %s COLUMN {case.quote(name)} {wanted[name]}"
        if column is None:
            # Rows that stand there already have no batch, and no identity that could be told from their columns.
            remedy = statement % "ADD" + (
                " NOT NULL, in an empty table; or name another table, which is then made as it should be"
            )
            raise case.mismatch(f"column {name} is missing, which says what a row is and where it came from", remedy)
        too_short = column.type in ("binary", "varbinary") and column.max_bytes not in (None, 16)
        if column.type not in allowed[name] or too_short:
            remedy = statement % "MODIFY" + " NOT NULL"
            raise case.mismatch(f"column {name} is {column.sql_type}, {wanted[name]} is needed", remedy)


def _check_keys(case: _Case) -> None:
    table, quote = case.table, case.quote
    for key in table.unique_keys:
        columns = _lower(key)
        counts_by_itself = len(columns) == 1 and _auto_increment(table, columns[0])
        if columns == (ID,) or set(columns) == {BATCH, RECORD} or counts_by_itself:
            continue
        raise case.mismatch(
            f"the unique key {key.name} on ({', '.join(key.columns)}) could refuse a clean record in silence",
            f"ALTER TABLE {quote(table.name)} DROP INDEX {quote(key.name)}; "
            "and name these columns in spec.cleaning.unique, where they are the record's identity",
        )
    if not identity_keys(table):
        raise case.mismatch(
            f"no unique key on {ID}, so duplicates could not be told",
            f"CREATE UNIQUE INDEX {quote(ID)} ON {quote(table.name)} ({quote(ID)})",
        )


def _check_rules(case: _Case) -> None:
    table, name = case.table, case.quote(case.table.name)
    for kind, found, remedy in (
        ("CHECK constraint", table.checks, f"ALTER TABLE {name} DROP CONSTRAINT %s"),
        ("foreign key", table.foreign_keys, f"ALTER TABLE {name} DROP FOREIGN KEY %s"),
        ("trigger", table.triggers, "DROP TRIGGER %s"),
    ):
        if found:
            what = f"the {kind} {found[0]} could change or refuse a clean record in silence"
            raise case.mismatch(what, remedy % case.quote(found[0]) + "; constraints belong in spec.cleaning.fields")
    for column in table.columns:
        if column.generated:
            what = f"column {column.name} is generated, so writing a row could fail on values that were not sent"
            raise case.mismatch(what, f"ALTER TABLE {name} DROP COLUMN {case.quote(column.name)}")


def _check_others(case: _Case) -> None:
    ours = {each.name.lower() for each in case.fields} | set(OWN_COLUMNS)
    for column in case.table.columns:
        if column.name.lower() not in ours and not column.nullable and not column.filled_by_database:
            raise case.mismatch(
                f"column {column.name} is {column.sql_type} NOT NULL without a default, and no field of the spec fills "
                "it",
                f"ALTER TABLE {case.quote(case.table.name)} MODIFY COLUMN {case.quote(column.name)} "
                f"{column.sql_type} NULL; or add a field {column.name}",
            )


def _limit(case: _Case, field: Field) -> ColumnLimit:
    column = case.table.column(field.name)
    if column is None:
        remedy = add_column(case.dialect, case.table.name, field.name, case.fields, case.quote)
        raise case.mismatch(f"column {field.name} is missing", remedy)
    limit = _sqlite_limit(field, column) if case.dialect == "sqlite" else _mysql_limit(field, column)
    if limit is None:
        wanted = column_types(case.dialect, case.fields)[field.name]
        raise case.mismatch(
            f"column {field.name} is {column.sql_type}, which would change a value of type {field.type}; "
            f"{wanted} is needed",
            modify_column(case.dialect, case.table.name, field.name, case.fields, case.quote),
        )
    return replace(limit, nullable=column.nullable)


def _mysql_limit(field: Field, column: ObservedColumn) -> ColumnLimit | None:
    """None where the column would change values. CHAR is one of those: it drops blanks at the end. FLOAT rounds,
    TIMESTAMP ends in 2038, an integer column rounds fractions without a warning."""
    if column.type in _STRINGS and field.type == "string":
        # An octet length of 4 per character is that of VARCHAR(n) itself, and no further limit.
        texts = column.type != "varchar"
        return ColumnLimit(
            column.sql_type,
            max_chars=None if texts else column.max_chars,
            max_bytes=column.max_bytes if texts else None,
        )
    if column.type in (*_STRINGS, "char") and field.type == "ip":
        return ColumnLimit(column.sql_type, max_chars=column.max_chars)
    if column.type in _INTEGER_BITS and field.type in ("integer", "boolean"):
        least, most = _integer_range(column)
        return ColumnLimit(column.sql_type, minimum=least, maximum=most)
    if column.type == "decimal" and field.type in ("integer", "number"):
        return _decimal_limit(column)
    if column.type == "double" and field.type == "number" and column.scale is None and not column.unsigned:
        return ColumnLimit(column.sql_type)
    if column.type == field.type == "date":
        return ColumnLimit(column.sql_type)
    if column.type == field.type and field.type in ("time", "datetime"):
        return ColumnLimit(column.sql_type, scale=column.scale)
    return None


def _integer_range(column: ObservedColumn) -> tuple[int, int]:
    bits = _INTEGER_BITS[column.type]
    if column.unsigned:
        return 0, min(2**bits - 1, 2**63 - 1)
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def _decimal_limit(column: ObservedColumn) -> ColumnLimit:
    scale = column.scale or 0
    digits = (column.precision or 10) - scale
    most = 10**digits - 1 if scale == 0 else 10**digits - 10.0**-scale
    return ColumnLimit(column.sql_type, minimum=0 if column.unsigned else -most, maximum=most, scale=scale)


_NUMERIC = frozenset({"integer", "numeric", "real"})
_SQLITE_AFFINITIES = {
    "string": frozenset({"text", "blob"}),
    "ip": frozenset({"text", "blob"}),
    "integer": frozenset({"integer", "numeric"}),
    "number": frozenset({"real", "numeric"}),
    "boolean": _NUMERIC,
    # Text of these never looks like a number, so that no affinity changes it.
    "date": _NUMERIC | {"text", "blob"},
    "time": _NUMERIC | {"text", "blob"},
    "datetime": _NUMERIC | {"text", "blob"},
}


def _sqlite_limit(field: Field, column: ObservedColumn) -> ColumnLimit | None:
    """SQLite holds to no declared length; but a column's affinity would make 7 of '007'."""
    fits = column.type in _SQLITE_AFFINITIES[field.type]
    return ColumnLimit(column.sql_type or "any") if fits else None


def affinity(declared: str) -> str:
    """The affinity of a declared type: https://www.sqlite.org/datatype3.html#determination_of_column_affinity"""
    upper = declared.upper()
    if "INT" in upper:
        return "integer"
    if any(word in upper for word in ("CHAR", "CLOB", "TEXT")):
        return "text"
    if "BLOB" in upper or not upper:
        return "blob"
    return "real" if any(word in upper for word in ("REAL", "FLOA", "DOUB")) else "numeric"


def _lower(key: UniqueKey) -> tuple[str, ...]:
    return tuple(each.lower() for each in key.columns)


def _auto_increment(table: ObservedTable, name: str) -> bool:
    column = table.column(name)
    return column is not None and column.auto_increment
