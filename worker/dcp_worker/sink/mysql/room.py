"""How a worker writes to MySQL and MariaDB: LOAD DATA from memory, else strict INSERT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace
from sqlalchemy import Connection

from dcp_pipeline.spec.model import Field
from dcp_worker.ground.limits import ColumnLimit
from dcp_worker.sink.alterations import Alteration
from dcp_worker.sink.dialect import SinkDialect, Way, Ways
from dcp_worker.sink.mysql.alter import script, widens
from dcp_worker.sink.mysql.columns import column_types, create_table
from dcp_worker.sink.mysql.fit import holds_own, limit_of
from dcp_worker.sink.mysql.load_data import load_data, load_fresh
from dcp_worker.sink.mysql.observe import observe_table
from dcp_worker.sink.mysql.rejects import insert_rejects
from dcp_worker.sink.mysql.strict_insert import strict_insert
from dcp_worker.sink.mysql.table import ServerTable, on_server
from dcp_worker.sink.shape import CleanTable, ObservedColumn, ObservedTable, Quote

if TYPE_CHECKING:
    from dcp_worker.sink.migrating import moving


class MySQLSink:
    """The worker's room of MySQL and MariaDB."""

    def column_types(self, fields: Sequence[Field], id_bytes: int) -> Mapping[str, str]:
        return column_types(fields, id_bytes)

    def create_table(
        self, table: str, fields: Sequence[Field], id_bytes: int, quote: Quote, bounds: Sequence[str] = ()
    ) -> str:
        return create_table(table, fields, id_bytes, quote, bounds)

    def script(self, table: str, alterations: Sequence[Alteration], quote: Quote) -> list[str]:
        return script(table, alterations, quote)

    def widens(self, column: ObservedColumn, wanted: str) -> bool:
        return widens(column, wanted)

    def observe_table(self, connection: Connection, table: str) -> ObservedTable | None:
        return observe_table(connection, table)

    def holds_own(self, name: str, column: ObservedColumn, id_bytes: int) -> bool:
        return holds_own(name, column, id_bytes)

    def limit_of(self, field: Field, column: ObservedColumn) -> ColumnLimit | None:
        return limit_of(field, column)

    def writable(self, connection: Connection, table: CleanTable) -> CleanTable:
        return on_server(connection, table)

    def ways(self, table: CleanTable, many_stand_already: bool) -> Ways:
        careful = cast(Way, strict_insert)
        if not cast(ServerTable, table).local_infile:
            return Ways(careful, careful)
        return Ways(load_fresh if many_stand_already or table.twin_keys else load_data, careful)

    def slower(self, table: CleanTable) -> CleanTable:
        return replace(table, local_infile=False)

    def way_to_move(self) -> moving.Way:
        from dcp_worker.sink.mysql.move import WAY  # for one command only

        return WAY

    def insert_rejects(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        insert_rejects(connection, rows)


DIALECT: SinkDialect = MySQLSink()
