"""How a worker writes to SQLite: one prepared statement, duplicates left out by the key itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert

from dcp_pipeline.ledger.tables import REJECTS
from dcp_pipeline.spec.model import Field
from dcp_worker.ground.limits import ColumnLimit
from dcp_worker.sink.alterations import Alteration
from dcp_worker.sink.dialect import SinkDialect, Ways
from dcp_worker.sink.shape import CleanTable, ObservedColumn, ObservedTable, Quote
from dcp_worker.sink.sqlite.alter import altered
from dcp_worker.sink.sqlite.columns import column_types, create_table
from dcp_worker.sink.sqlite.fit import holds_own, limit_of
from dcp_worker.sink.sqlite.insert import careful_sqlite_insert, sqlite_insert
from dcp_worker.sink.sqlite.observe import observe_table

if TYPE_CHECKING:
    from dcp_worker.sink.migrating import moving


class SQLiteSink:
    """The worker's room of SQLite."""

    def column_types(self, fields: Sequence[Field], id_bytes: int) -> Mapping[str, str]:
        return column_types(fields)

    def create_table(
        self, table: str, fields: Sequence[Field], id_bytes: int, quote: Quote, bounds: Sequence[str] = ()
    ) -> str:
        return create_table(table, fields, quote)

    def script(self, table: str, alterations: Sequence[Alteration], quote: Quote) -> list[str]:
        return [line for each in alterations for line in altered(table, each, quote)]

    def widens(self, column: ObservedColumn, wanted: str) -> bool:
        return True  # it cannot be changed at all, and the script says so

    def observe_table(self, connection: Connection, table: str) -> ObservedTable | None:
        return observe_table(connection, table)

    def holds_own(self, name: str, column: ObservedColumn, id_bytes: int) -> bool:
        return holds_own(name, column)

    def limit_of(self, field: Field, column: ObservedColumn) -> ColumnLimit | None:
        return limit_of(field, column)

    def writable(self, connection: Connection, table: CleanTable) -> CleanTable:
        return table

    def ways(self, table: CleanTable, many_stand_already: bool) -> Ways:
        return Ways(sqlite_insert, careful_sqlite_insert)

    def slower(self, table: CleanTable) -> CleanTable:
        return table

    def way_to_move(self) -> moving.Way:
        from dcp_worker.sink.sqlite.move import WAY  # for one command only

        return WAY

    def insert_rejects(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        connection.execute(insert(REJECTS), list(rows))


DIALECT: SinkDialect = SQLiteSink()
