"""The shape of a clean table: what stands in the database, as values. observe.py reads it, fit.py judges it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

Quote = Callable[[str], str]
"""Quotes an identifier."""

ID = "_dcp_id"
"""The row's identity: 16 bytes, unique."""
BATCH = "_dcp_batch"
"""The batch that the row came with: its id's 16 bytes."""
RECORD = "_dcp_record"
"""The number of its record in the object, from 1."""
OWN_COLUMNS = (ID, BATCH, RECORD)


class ObservedColumn(msgspec.Struct, frozen=True):
    """A column that stands in the database. `type` is its lower-case base type, `sql_type` all of it."""

    name: str
    type: str
    sql_type: str
    nullable: bool = True
    filled_by_database: bool = False
    """It has a default, or counts by itself."""
    auto_increment: bool = False
    generated: bool = False
    max_chars: int | None = None
    max_bytes: int | None = None
    precision: int | None = None
    scale: int | None = None

    @property
    def unsigned(self) -> bool:
        return "unsigned" in self.sql_type.lower()


class UniqueKey(msgspec.Struct, frozen=True):
    """A unique or primary key."""

    name: str
    columns: tuple[str, ...]


class ObservedTable(msgspec.Struct, frozen=True):
    """A table that stands in the database."""

    name: str
    kind: str = "BASE TABLE"
    engine: str | None = "InnoDB"
    """None where the database has but one."""
    columns: tuple[ObservedColumn, ...] = ()
    unique_keys: tuple[UniqueKey, ...] = ()
    checks: tuple[str, ...] = ()
    foreign_keys: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()

    def column(self, name: str) -> ObservedColumn | None:
        """A column, by its name in any case."""
        return next((each for each in self.columns if each.name.lower() == name.lower()), None)


def unique_keys(pairs: Sequence[tuple[str, str]]) -> tuple[UniqueKey, ...]:
    """From (name of the key, column), in the order of the columns."""
    names = dict.fromkeys(name for name, _ in pairs)
    return tuple(UniqueKey(name, tuple(column for key, column in pairs if key == name)) for name in names)


class CleanTable(msgspec.Struct, frozen=True):
    """A table that was found fit to write to. Its dialect may have to remember more of it."""

    name: str
    quoted: str
    identity_keys: frozenset[str]
    """Names of the unique keys on the row's identity: a duplicate of one of these is a duplicate record."""
