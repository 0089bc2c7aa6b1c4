"""The sink in the cluster as a test sees it: its rows, and a hold on its table."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

from oracle.compare import rows_of

TABLE = "botnet"


def digest(engine: Engine) -> str:
    """Of the clean rows in their order, without the column that says which batch brought them."""
    seen = hashlib.sha256()
    for row in sorted(rows_of(engine, TABLE), key=repr):
        seen.update(repr(row).encode())
    return seen.hexdigest()


def done(engine: Engine, read: int) -> bool:
    """Whether so many records were cut, and every batch of them is done."""
    with engine.connect() as connection:
        states = connection.execute(text("SELECT state, SUM(records) FROM dcp_batches GROUP BY state"))
        records = {state: int(count) for state, count in states}
    return "cut" not in records and sum(records.values()) == read


@contextmanager
def held(engine: Engine) -> Iterator[None]:
    """No row gets into the clean table while the block lasts: work stays in the queue and in the workers' hands.

    Locks on all rows and on the gaps between them: whoever only looks at the table is not held up.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        for kind in ("", "readonly_", "write_"):
            connection.execute(text(f"SET SESSION idle_{kind}transaction_timeout = 0"))
        connection.execute(text(f"SELECT 1 FROM {TABLE} FOR UPDATE")).all()
        yield
        connection.rollback()
        connection.invalidate()
