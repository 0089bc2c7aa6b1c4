"""What belongs to one pipeline: its entries in the ledger's tables, and the rows of its batches."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from sqlalchemy import Connection, inspect

from dcp_cli.dialects import asked
from dcp_pipeline.database.horizon import counted_key, horizon_key
from dcp_pipeline.database.rooms import dialect_of, name_of
from dcp_pipeline.errors import Unusable
from dcp_pipeline.ledger.expiring.rejects import forgotten_key
from dcp_pipeline.ledger.tables import METADATA

_OF_PIPELINE = "pipeline = :pipeline"
_WHICH = {
    "dcp_objects": _OF_PIPELINE,
    "dcp_batches": _OF_PIPELINE,
    "dcp_rejects": "object_id IN (SELECT id FROM dcp_objects WHERE pipeline = :pipeline)",
    "dcp_totals": _OF_PIPELINE,
    "dcp_specs": _OF_PIPELINE,
    "dcp_tasks": _OF_PIPELINE,
    "dcp_meta": "name IN (:table, :epoch, :horizon, :counted, :forgotten) OR name LIKE :released OR name LIKE :days",
}
_ORDER = {"dcp_objects": "number", "dcp_tasks": "number"}
"""These number their rows by themselves, in the order in which they come; others may have our numbers."""


class Part(msgspec.Struct, frozen=True):
    """The rows of one table that are a pipeline's."""

    table: str
    columns: tuple[str, ...]
    query: str


def notes_of(pipeline: str, table: str) -> dict[str, str]:
    """What dcp_meta says of a pipeline, by what _WHICH calls it."""
    return {
        "table": f"table/{table}",
        "epoch": f"epoch/{pipeline}",
        "horizon": horizon_key(table),
        "counted": counted_key(table),
        "forgotten": forgotten_key(pipeline),
    }


def note_families(pipeline: str) -> dict[str, str]:
    """The beginnings of the notes of which a pipeline has several, by what _WHICH calls them: objects that a person
    released, and the days of its sources."""
    return {"released": f"released/{pipeline}/", "days": f"day/{pipeline}/"}


def parts_of(connection: Connection, table: str) -> Iterator[Part]:
    """The parts in the order in which they are to be restored. `table` is the clean one."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    unknown = {each.name for each in METADATA.sorted_tables} - set(_WHICH)
    if unknown:
        raise Unusable(f"a backup does not know the ledger's tables {sorted(unknown)}")
    for name, which in _WHICH.items():
        order = _ORDER.get(name)
        columns = tuple(str(each.name) for each in METADATA.tables[name].columns if each.name != order)
        listed = ", ".join(map(quote, columns))
        ordered = f" ORDER BY {order}" if order else ""
        yield Part(name, columns, f"SELECT {listed} FROM {name} WHERE {which}{ordered}")  # noqa: S608
    if inspect(connection).has_table(table):
        found = inspect(connection).get_columns(table)
        stored = [each for each in found if "computed" not in each]
        columns, exact = tuple(str(each["name"]) for each in stored), asked(connection).exact
        listed = ", ".join(exact(f"t.{quote(str(each['name']))}", each["type"]) for each in stored)
        of_batch = dialect_of(connection).are_bytes_of("t._dcp_batch", "b.id")
        query = f"SELECT {listed} FROM dcp_batches b JOIN {quote(table)} t ON {of_batch} WHERE b.pipeline = :pipeline"  # noqa: S608
        yield Part(table, columns, query)


def table_ddl(connection: Connection, table: str) -> tuple[str, ...]:
    """The statements that make the clean table as it stands. Raises Unusable for a dialect that is not known here."""
    if not inspect(connection).has_table(table):
        return ()
    ddl = asked(connection).table_ddl
    if ddl is None:
        raise Unusable(f"a backup of {name_of(connection)} is made by its own tools (docs/operations.md)")
    return ddl(connection, table)
