"""A pipeline's entries in the ledger's tables. Others may have theirs in the same tables: these stay, and so do tables,
the rows of the clean table, and what dcp_meta says of that table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, func, inspect, or_, select

from dcp_pipeline.database.transactions import Transactions
from dcp_pipeline.ledger.expiring.rejects import forgotten_key
from dcp_pipeline.ledger.schema import recorded_version
from dcp_pipeline.ledger.tables import BATCHES, META, OBJECTS, REJECTS, SPECS, TASKS, TOTALS

BATCHES_AT_ONCE = 50
"""With their rejects, in one transaction."""
OBJECTS_AT_ONCE = 500
_NAMES = {"objects": OBJECTS, "batches": BATCHES, "rejects": REJECTS, "tasks": TASKS}
"""What is told of; specs, sums and notes go with them."""


def count_books(engine: Engine, pipeline: str) -> dict[str, int]:
    """How many there are of each; empty where there is no ledger. Raises LedgerVersion for a newer one."""
    if recorded_version(engine) is None:
        return {}
    return Transactions(engine).read(lambda each: _counts(each, pipeline))


def forget_books(engine: Engine, pipeline: str) -> dict[str, int]:
    """Delete them, some at a time; how many went. Killed, it goes on where it was when it is called again."""
    if recorded_version(engine) is None:
        return {}
    transactions, gone = Transactions(engine), dict.fromkeys(_NAMES, 0)
    steps: tuple[Callable[[Connection, str], dict[str, int] | None], ...] = (_some_batches, _some_objects, _the_rest)
    for step in steps:
        while (some := transactions.write(lambda each, step=step: step(each, pipeline))) is not None:  # type: ignore[misc]
            for name, count in some.items():
                gone[name] += count
    return gone


def _counts(connection: Connection, pipeline: str) -> dict[str, int]:
    def count(table: Table) -> int:
        if not inspect(connection).has_table(table.name):
            return 0
        return int(connection.execute(select(func.count()).select_from(table).where(_of(table, pipeline))).scalar_one())

    return {name: count(table) for name, table in _NAMES.items()}


def _of(table: Table, pipeline: str) -> ColumnElement[bool]:
    if table is REJECTS:
        return REJECTS.c.object_id.in_(select(OBJECTS.c.id).where(OBJECTS.c.pipeline == pipeline))
    own: ColumnElement[bool] = table.c.pipeline == pipeline
    return own


def _some_batches(connection: Connection, pipeline: str) -> dict[str, int] | None:
    query = select(BATCHES.c.id).where(BATCHES.c.pipeline == pipeline).limit(BATCHES_AT_ONCE)
    found = list(connection.execute(query).scalars())
    if not found:
        return None
    rejects = _gone(connection, REJECTS, REJECTS.c.batch_id.in_(found))
    return {"rejects": rejects, "batches": _gone(connection, BATCHES, BATCHES.c.id.in_(found))}


def _some_objects(connection: Connection, pipeline: str) -> dict[str, int] | None:
    query = select(OBJECTS.c.id).where(OBJECTS.c.pipeline == pipeline).limit(OBJECTS_AT_ONCE)
    found = list(connection.execute(query).scalars())
    if not found:
        return None
    rejects = _gone(connection, REJECTS, REJECTS.c.object_id.in_(found))  # of batches that no entry knows
    return {"rejects": rejects, "objects": _gone(connection, OBJECTS, OBJECTS.c.id.in_(found))}


def _the_rest(connection: Connection, pipeline: str) -> dict[str, int] | None:
    """An older ledger may lack some of the tables."""
    standing = [each for each in (TASKS, SPECS, TOTALS) if inspect(connection).has_table(each.name)]
    gone = {each.name: _gone(connection, each, each.c.pipeline == pipeline) for each in standing}
    notes = _gone(connection, META, _notes(pipeline))
    return {"tasks": gone.get(TASKS.name, 0)} if notes or any(gone.values()) else None


def _notes(pipeline: str) -> ColumnElement[bool]:
    """What dcp_meta says of the pipeline. What it says of its table (`table/`, `horizon/`, `counted/`) is of the rows,
    which stay."""
    families = (f"released/{pipeline}/", f"day/{pipeline}/")
    return or_(
        META.c.name.in_([f"epoch/{pipeline}", forgotten_key(pipeline)]),
        *(META.c.name.startswith(each, autoescape=True) for each in families),
    )


def _gone(connection: Connection, table: Table, which: Any) -> int:
    return int(connection.execute(delete(table).where(which)).rowcount)
