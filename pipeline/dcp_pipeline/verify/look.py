"""What verify's checks look through: queries over one snapshot of the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from dcp_pipeline.database.horizon import counted_key, still_standing
from dcp_pipeline.database.rooms import dialect_of

ROWS_AT_ONCE = 1000


class Range(msgspec.Struct, frozen=True):
    """Ids behind `after` ("" is before all) up to `upto`, both in hexadecimal; None: to the last."""

    after: str = ""
    upto: str | None = None

    def of_ids(self, column: str) -> str:
        """The condition that an id of the ledger's is among them."""
        upto = "" if self.upto is None else f" AND {column} <= '{_hexadecimal(self.upto)}'"
        return f"{column} > '{_hexadecimal(self.after)}'{upto}"

    def of_bytes(self, column: str) -> str:
        """The same of bytes of the table's."""
        after = f" AND {column} > X'{_hexadecimal(self.after)}'" if self.after else ""
        upto = "" if self.upto is None else f" AND {column} <= X'{_hexadecimal(self.upto)}'"
        return f"{column} IS NOT NULL{after}{upto}"


def _hexadecimal(digits: str) -> str:
    return bytes.fromhex(digits).hex()


class Look:
    """Queries over one snapshot of the database."""

    def __init__(
        self,
        connection: Connection,
        pipeline: str,
        table: str | None,
        objects: Sequence[str] | None = None,
        *,
        batches: Range | None = None,
        identities: Range | None = None,
    ) -> None:
        """`table` is None where it does not stand. `objects`: only what is of these; `batches`: or of these;
        `identities`: the rows of these."""
        self._connection, self._dialect = connection, dialect_of(connection)
        self.pipeline = pipeline
        quote = connection.dialect.identifier_preparer.quote_identifier
        self.end, self.read = quote("end"), quote("read")  # words of SQL itself
        self.table = None if table is None else quote(table)
        self.standing = "" if table is None else still_standing(_counted(connection, table))
        self._objects = None if objects is None else [_hexadecimal(each) for each in objects]
        self._batches, self.identities = batches, identities
        # Each in the way in which the database can use a key: of the table's, or of the rejects'.
        self.of_reject = self._dialect.are_bytes_of("t._dcp_batch", "r.batch_id")

    def among(self, column: str) -> str:
        """The condition that an id is of the objects that are looked at; nothing where all are."""
        if self._objects is None:
            return ""
        return f"AND {column} IN ({', '.join(repr(each) for each in self._objects) or 'NULL'})"

    def those(self, column: str, pipeline: str = "b.pipeline") -> str:
        """The condition that something is of the pipeline, or of the objects that are looked at: never both, for SQLite
        would take the pipeline's index for the narrower one, and read the whole history. Of a range of batches it is
        both: then `column` is of dcp_batches b."""
        if self._batches is not None:
            return f"{pipeline} = :pipeline AND {self._batches.of_ids('b.id')}"
        if self._objects is None:
            return f"{pipeline} = :pipeline"
        return self.among(column).removeprefix("AND ")

    @cached_property
    def rows_per_batch(self) -> str:
        """How many rows each batch has in the table, of how many records, and which."""
        source = self.table or "(SELECT '' AS _dcp_batch, 0 AS _dcp_record, '' AS _dcp_id FROM dcp_meta WHERE 1 = 0) t"
        return (
            f"(SELECT {self.hex('_dcp_batch')} AS id, COUNT(*) AS n, COUNT(DISTINCT _dcp_record) AS numbers, "  # noqa: S608
            f"MIN(_dcp_record) AS least, MAX(_dcp_record) AS most FROM {source} "
            # Rows that were in the table before us, or came some other way, are nobody's books.
            f"WHERE {(self._batches or Range()).of_bytes('_dcp_batch')} {self.standing} {self.of_batches} "
            "GROUP BY _dcp_batch)"
        )

    @cached_property
    def of_batches(self) -> str:
        """The condition that a row is of the objects that are looked at; nothing where all are."""
        if self._objects is None:
            return ""
        batches = self.rows(f"SELECT id FROM dcp_batches WHERE {self.those('object_id', 'pipeline')}")  # noqa: S608
        listed = ", ".join(f"X'{_hexadecimal(each.id)}'" for each in batches)
        return f"AND _dcp_batch IN ({listed or 'NULL'})"

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
