"""Whether a pipeline that has read nothing yet begins on a table into which another one wrote.

Two may share a table, but mostly it is one that got another name: then all is read anew and, where rows are told apart
by their place, written once more.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, text

from dcp_pipeline.ledger.tables import BATCHES, OBJECTS


def other_writer(connection: Connection, pipeline: str, table: str) -> str | None:
    """The key of another pipeline of which a row stands in `table`, where `pipeline` has recorded no object."""
    if connection.execute(select(OBJECTS.c.id).where(OBJECTS.c.pipeline == pipeline).limit(1)).first():
        return None
    quoted = connection.dialect.identifier_preparer.quote_identifier(table)
    row = connection.execute(text(f"SELECT _dcp_batch FROM {quoted} WHERE _dcp_batch IS NOT NULL LIMIT 1")).first()  # noqa: S608
    if row is None:
        return None
    wrote = select(BATCHES.c.pipeline).where(BATCHES.c.id == bytes(row[0]).hex(), BATCHES.c.pipeline != pipeline)
    return connection.execute(wrote).scalar()
