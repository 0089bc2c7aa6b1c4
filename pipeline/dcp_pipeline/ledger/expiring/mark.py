"""How far a table's rows have expired, as dcp_meta has it: two notes, and two locks.

`horizon`: rows below are not taken any more. Each worker's transaction holds its note's row shared from after its
INSERT to its COMMIT, so whoever raises it waits for those that did not see it.

`counted`: rows below (and not below FIRST) are counted as expired, and stand only until their partition is dropped. Who
counts or takes rows away holds its note's row, so that no row is counted by both.
"""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from dcp_pipeline.database.horizon import counted_key, horizon_key
from dcp_pipeline.ledger.tables import META

NOTHING = ""


def make_notes(connection: Connection, table: str, *, anew: bool = False) -> None:
    """Both notes of a table, before anybody writes to it; those that stand stay. `anew`: it was made just now, so that
    they say nothing yet; another one of its name, which was dropped, may have left some."""
    keys = {horizon_key(table), counted_key(table)}
    standing = set(connection.execute(select(META.c.name).where(META.c.name.in_(keys))).scalars())
    for key in sorted(keys - standing):
        connection.execute(insert(META).values(name=key, value=NOTHING))
    if anew:
        connection.execute(update(META).where(META.c.name.in_(standing)).values(value=NOTHING))


def note(connection: Connection, key: str, *, locked: bool = False) -> str | None:
    """What it says: a bound, or NOTHING; None where there is no such note. `locked`: nobody else changes it until this
    transaction ends."""
    query = select(META.c.value).where(META.c.name == key)
    return connection.execute(query.with_for_update() if locked else query).scalar()


def write(connection: Connection, key: str, value: str) -> None:
    """Change a note."""
    connection.execute(update(META).where(META.c.name == key).values(value=value))
