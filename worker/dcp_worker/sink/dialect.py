"""The worker's part of the port that each dialect's room implements: the clean table, and the ways to insert.

The other part (connections, errors, the ledger's own tables) is dcp_pipeline.database.dialect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import polars as pl
from sqlalchemy import Connection

from dcp_pipeline.spec.model import Field
from dcp_worker.ground.limits import ColumnLimit
from dcp_worker.sink.alterations import Alteration
from dcp_worker.sink.insertion import Insertion
from dcp_worker.sink.shape import CleanTable, ObservedColumn, ObservedTable, Quote

if TYPE_CHECKING:
    from dcp_worker.sink.migrating import moving

Way = Callable[[CleanTable, str, pl.DataFrame], Insertion]
"""How the rows of a batch are inserted: of the table, the batch's id and its rows. Rows of several batches say which
in a column BATCH, and the id is empty."""


class Ways(msgspec.Struct, frozen=True):
    """`fast` may raise NotAsSent, where it would not store each row as it is; `careful` finds the row."""

    fast: Way
    careful: Way


class SinkDialect(Protocol):
    """A dialect's room, for the clean table."""

    def column_types(self, fields: Sequence[Field], id_bytes: int) -> Mapping[str, str]:
        """The type of each field's column in a new table, and of our own three."""

    def create_table(
        self, table: str, fields: Sequence[Field], id_bytes: int, quote: Quote, bounds: Sequence[str] = ()
    ) -> str:
        """The statement that makes the table, with identities of so many bytes; parted at these bounds, where the
        database can."""

    def script(self, table: str, alterations: Sequence[Alteration], quote: Quote) -> list[str]:
        """The lines that alter a table, without harm to the rows that stand in it."""

    def widens(self, column: ObservedColumn, wanted: str) -> bool:
        """Whether every value that a column may hold is the same in a column of type `wanted`, or stops the change."""

    def observe_table(self, connection: Connection, table: str) -> ObservedTable | None:
        """The shape of a table that stands; None where there is none."""

    def holds_own(self, name: str, column: ObservedColumn, id_bytes: int) -> bool:
        """Whether a column can hold what is ours: identities of so many bytes, a batch's 16, a record's number."""

    def limit_of(self, field: Field, column: ObservedColumn) -> ColumnLimit | None:
        """What a column can hold of a field's values; None where it would change one."""

    def writable(self, connection: Connection, table: CleanTable) -> CleanTable:
        """The table, with what the ways to insert must know of the server."""

    def ways(self, table: CleanTable, many_stand_already: bool) -> Ways:
        """How rows go in. Where many of the last batch's stood in the table already, so will the next's."""

    def slower(self, table: CleanTable) -> CleanTable:
        """The table, once its fast way turned out not to be allowed."""

    def way_to_move(self) -> moving.Way:
        """How `dcp migrate` moves a table of an older release."""

    def insert_rejects(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Rows of dcp_rejects, all with the same columns."""
