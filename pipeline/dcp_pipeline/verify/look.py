"""What verify's checks look through: queries over one snapshot of the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, text

from dcp_pipeline.database.horizon import counted_key, still_standing
from dcp_pipeline.database.rooms import dialect_of

ROWS_AT_ONCE = 1000


class Look:
    """Queries over one snapshot of the database."""

    def __init__(
        self, connection: Connection, pipeline: str, table: str | None, objects: Sequence[str] | None = None
    ) -> None:
        """`table` is None where it does not stand. `objects`: only what is of these."""
        self._connection, self._dialect = connection, dialect_of(connection)
        self.pipeline = pipeline
        self.of_batches = ""
        quote = connection.dialect.identifier_preparer.quote_identifier
        self.end, self.read = quote("end"), quote("read")  # words of SQL itself
        self.table = None if table is None else quote(table)
        self.standing = "" if table is None else still_standing(_counted(connection, table))
        self._objects = None if objects is None else [bytes.fromhex(each).hex() for each in objects]
        source = self.table or "(SELECT '' AS _dcp_batch, 0 AS _dcp_record, '' AS _dcp_id FROM dcp_meta WHERE 1 = 0) t"
        self.rows_per_batch = (
            f"(SELECT {self.hex('_dcp_batch')} AS id, COUNT(*) AS n, COUNT(DISTINCT _dcp_record) AS numbers, "  # noqa: S608
            f"MIN(_dcp_record) AS least, MAX(_dcp_record) AS most FROM {source} "
            # Rows that were in the table before us, or came some other way, are nobody's books.
            f"WHERE _dcp_batch IS NOT NULL {self.standing} {self._of_batches()} GROUP BY _dcp_batch)"
        )

        # Each in the way in which the database can use a key: of the table's, or of the rejects'.
        self.of_reject = self._dialect.are_bytes_of("t._dcp_batch", "r.batch_id")

    def among(self, column: str) -> str:
        """The condition that an id is of the objects that are looked at; nothing where all are."""
        if self._objects is None:
            return ""
        return f"AND {column} IN ({', '.join(repr(each) for each in self._objects) or 'NULL'})"

    def those(self, column: str, pipeline: str = "b.pipeline") -> str:
        """The condition that something is of the pipeline, or of the objects that are looked at: never both, for SQLite
        would take the pipeline's index for the narrower one, and read the whole history."""
        if self._objects is None:
            return f"{pipeline} = :pipeline"
        return self.among(column).removeprefix("AND ")

    def _of_batches(self) -> str:
        if self._objects is None:
            return ""
        batches = self.rows(f"SELECT id FROM dcp_batches WHERE {self.those('object_id', 'pipeline')}")  # noqa: S608
        listed = ", ".join(f"X'{bytes.fromhex(each.id).hex()}'" for each in batches)
        self.of_batches = f"AND _dcp_batch IN ({listed or 'NULL'})"
        return self.of_batches

    def hex(self, column: str) -> str:
        """Bytes as the ledger writes ids."""
        return self._dialect.hex_of(column)

    def rows(self, query: str) -> Iterator[Any]:
        """A query's rows, of which a page at a time is in memory: to be taken to the end before the next query."""
        options = {"yield_per": ROWS_AT_ONCE}
        yield from self._connection.execute(text(query), {"pipeline": self.pipeline}, execution_options=options)

    def number(self, query: str) -> int:
        return int(self._connection.execute(text(query), {"pipeline": self.pipeline}).scalar_one())


def _counted(connection: Connection, table: str) -> str | None:
    """How far rows are counted as expired that may still stand."""
    query = text("SELECT value FROM dcp_meta WHERE name = :name")
    found: str | None = connection.execute(query, {"name": counted_key(table)}).scalar()
    return found
