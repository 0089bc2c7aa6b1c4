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
from dcp_worker.sink.dialect import SinkDialect
from dcp_worker.sink.shape import BATCH, ID, OWN_COLUMNS, RECORD, ObservedTable, Quote, UniqueKey


class _Case(msgspec.Struct, frozen=True):
    dialect: SinkDialect
    table: ObservedTable
    fields: Sequence[Field]
    quote: Quote

    def mismatch(self, what: str, remedy: str) -> TableMismatch:
        return TableMismatch(f"table {self.table.name}: {what}. Mend it: {remedy}")


def limits_of(
    dialect: SinkDialect, table: ObservedTable, fields: Sequence[Field], quote: Quote
) -> dict[str, ColumnLimit]:
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
    wanted = case.dialect.column_types(())
    for name in OWN_COLUMNS:
        column = case.table.column(name)
        statement = f"ALTER TABLE {case.quote(case.table.name)} %s COLUMN {case.quote(name)} {wanted[name]}"
        if column is None:
            # Rows that stand there already have no batch, and no identity that could be told from their columns.
            remedy = statement % "ADD" + (
                " NOT NULL, in an empty table; or name another table, which is then made as it should be"
            )
            raise case.mismatch(f"column {name} is missing, which says what a row is and where it came from", remedy)
        if not case.dialect.holds_own(name, column):
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
    column, wanted = case.table.column(field.name), case.dialect.column_types(case.fields)[field.name]
    if column is None:
        remedy = f"ALTER TABLE {case.quote(case.table.name)} ADD COLUMN {case.quote(field.name)} {wanted}"
        raise case.mismatch(f"column {field.name} is missing", remedy)
    limit = case.dialect.limit_of(field, column)
    if limit is None:
        raise case.mismatch(
            f"column {field.name} is {column.sql_type}, which would change a value of type {field.type}; "
            f"{wanted} is needed",
            case.dialect.change_type(case.table.name, field.name, wanted, case.quote),
        )
    return replace(limit, nullable=column.nullable)


def _lower(key: UniqueKey) -> tuple[str, ...]:
    return tuple(each.lower() for each in key.columns)


def _auto_increment(table: ObservedTable, name: str) -> bool:
    column = table.column(name)
    return column is not None and column.auto_increment
