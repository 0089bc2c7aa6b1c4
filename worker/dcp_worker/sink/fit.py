"""Whether a table that stands in the database can be written to without losing or changing a value.

Pure: what was observed and what the spec wants go in; limits for the cleaning plan, or a TableMismatch that names
every problem at once, with one script that mends them, come out. The table may have rows of its own, and keys,
constraints and columns of its own: nothing of them is ever taken away (docs/adr/0071).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from dcp_pipeline.database.errors import TableMismatch
from dcp_pipeline.spec.model import Cleaning, Field
from dcp_worker.ground.limits import ColumnLimit
from dcp_worker.sink.alterations import AddColumn, AddKey, Alteration, ChangeColumn, ChangeEngine, Problem
from dcp_worker.sink.dialect import SinkDialect
from dcp_worker.sink.shape import BATCH, ID, OWN_COLUMNS, RECORD, ObservedColumn, ObservedTable, Quote, UniqueKey

_WHY_OWN = {
    ID: "which tells what a row is",
    BATCH: "which tells the batch that a row came with",
    RECORD: "which tells the record that a row was",
}

# By the second a batch's rows are found, whatever the table's own key is.
_KEYS: dict[str, tuple[Alteration, ...]] = {
    ID: (AddKey(ID, (ID,), unique=True),),
    BATCH: (AddKey(BATCH, (BATCH, RECORD)),),
}


class _Case(msgspec.Struct, frozen=True):
    dialect: SinkDialect
    table: ObservedTable
    fields: Sequence[Field]
    id_bytes: int


def limits_of(
    dialect: SinkDialect, table: ObservedTable, cleaning: Cleaning, id_bytes: int, quote: Quote
) -> dict[str, ColumnLimit]:
    """What each field's column can hold, where identities have so many bytes.

    Raises TableMismatch.
    """
    case = _Case(dialect, table, cleaning.columns, id_bytes)
    problems = [*_kind(case), *_own_columns(case), *_rules(case), *_fields(case), *_others(case)]
    if problems:
        raise TableMismatch(_said(case, problems, quote))
    return {each.name: _limit(case, each) for each in case.fields}


def identity_keys(table: ObservedTable) -> frozenset[str]:
    """The names of the unique keys on the row's identity alone."""
    return frozenset(key.name for key in table.unique_keys if key.whole and _lower(key) == (ID,))


def twin_keys(table: ObservedTable, unique: Sequence[str]) -> tuple[UniqueKey, ...]:
    """The table's own keys on exactly the fields of spec.cleaning.unique: what such a one refuses is there already."""
    wanted = {each.lower() for each in unique}
    return tuple(key for key in table.unique_keys if key.whole and wanted and set(_lower(key)) == wanted)


def _kind(case: _Case) -> Iterator[Problem]:
    table = case.table
    if table.kind != "BASE TABLE":
        yield Problem(f"it is a {table.kind.lower()}, and a plain table is needed", advice="name another table")
    elif table.engine is not None and table.engine.lower() != "innodb":
        what = f"its engine is {table.engine}, which has no transactions; InnoDB is needed"
        yield Problem(what, (ChangeEngine("InnoDB"),))


def _own_columns(case: _Case) -> Iterator[Problem]:
    types = case.dialect.column_types((), case.id_bytes)
    for name in OWN_COLUMNS:
        column = case.table.column(name)
        if column is None:
            # It may be NULL: rows that stand there already came with no batch.
            added = (AddColumn(name, types[name]), *_KEYS.get(name, ()))
            yield Problem(f"column {name} is missing, {_WHY_OWN[name]}", added)
        elif not case.dialect.holds_own(name, column, case.id_bytes):
            what = f"column {name} is {column.sql_type}, and {types[name]} is needed"
            yield Problem(what, advice=f"rename it, and let the script add one of {types[name]}")
    if case.table.column(ID) is not None and not identity_keys(case.table):
        yield Problem(f"there is no unique key on {ID}, so duplicates could not be told", _KEYS[ID])


def _rules(case: _Case) -> Iterator[Problem]:
    for trigger in case.table.triggers:
        yield Problem(
            f"the trigger {trigger} could change or leave out a row in silence as it is written",
            advice=f"drop {trigger}, or name another table and fill this one from there",
        )
    for rule in case.table.late_rules:
        yield Problem(f"{rule} is checked at COMMIT only, when no record can be blamed any more", advice=f"drop {rule}")


def _fields(case: _Case) -> Iterator[Problem]:
    types = case.dialect.column_types(case.fields, case.id_bytes)
    for field in case.fields:
        column, wanted = case.table.column(field.name), types[field.name]
        if column is None:
            yield Problem(f"column {field.name} is missing", (AddColumn(field.name, wanted),))
        elif column.generated:
            what = f"column {field.name} is generated, and cannot be written"
            yield Problem(what, advice=f"take the field {field.name} out of the spec, or name it otherwise")
        elif case.dialect.limit_of(field, column) is None:
            yield _unfit(case, field, column, wanted)


def _unfit(case: _Case, field: Field, column: ObservedColumn, wanted: str) -> Problem:
    what = (
        f"column {field.name} is {column.sql_type}, which would change a value of type {field.type}; {wanted} is needed"
    )
    if case.table.has_rows and not case.dialect.widens(column, wanted):
        # The rows that stand there would lose what the new type does not hold.
        return Problem(
            what, advice=f"give the field {field.name} another name or type: rows of yours have {column.sql_type}"
        )
    return Problem(what, (ChangeColumn(column, wanted, column.nullable),))


def _others(case: _Case) -> Iterator[Problem]:
    ours = {each.name.lower() for each in case.fields} | set(OWN_COLUMNS)
    for column in case.table.columns:
        filled = column.nullable or column.filled_by_database or column.generated
        if column.name.lower() not in ours and not filled:
            what = f"column {column.name} is {column.sql_type} NOT NULL without a default, and no field fills it"
            if any(column.name in key.columns for key in case.table.unique_keys):
                yield Problem(what, advice=f"add a field {column.name}, or let the column count by itself")
            else:
                yield Problem(what, (ChangeColumn(column, column.sql_type, nullable=True),))


def _limit(case: _Case, field: Field) -> ColumnLimit:
    column = case.table.column(field.name)
    limit = None if column is None else case.dialect.limit_of(field, column)
    assert column is not None and limit is not None  # noqa: PT018  _fields would have told
    return replace(limit, nullable=column.nullable)


def _said(case: _Case, problems: Sequence[Problem], quote: Quote) -> str:
    """Every problem in a line, then the script, then what no script can decide."""
    lines = [f"table {case.table.name} cannot be written to as it is:"]
    lines += [f"  - {each.what}" + (f": {each.advice}" if each.advice else "") for each in problems]
    alterations: list[Alteration] = [each for problem in problems for each in problem.alterations]
    if alterations:
        lines.append("Mend it (what stands in the table stays; take a backup of what is dear to you):")
        lines += [f"  {line}" for line in case.dialect.script(case.table.name, alterations, quote)]
    return "\n".join(lines)


def _lower(key: UniqueKey) -> tuple[str, ...]:
    return tuple(each.lower() for each in key.columns)
