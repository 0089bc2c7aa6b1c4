"""The shape of a clean table: what stands in the database, as values. observe.py reads it, fit.py judges it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

Quote = Callable[[str], str]
"""Quotes an identifier."""

ID = "_dcp_id"
"""The row's identity, unique: 16 bytes; in a table that is kept in order 4 more before them (ground/order.py)."""
BATCH_BYTES = 16
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
    attributes: str = ""
    """What stands behind the type where the table is defined: NULL or not, its default, its comment."""
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
    whole: bool = True
    """It is on all of each column, byte for byte what is asked of it, and for all rows."""


class ObservedTable(msgspec.Struct, frozen=True):
    """A table that stands in the database."""

    name: str
    kind: str = "BASE TABLE"
    engine: str | None = "InnoDB"
    """None where the database has but one."""
    columns: tuple[ObservedColumn, ...] = ()
    unique_keys: tuple[UniqueKey, ...] = ()
    triggers: tuple[str, ...] = ()
    """Those by which a row could be changed, or left out, as it is written."""
    late_rules: tuple[str, ...] = ()
    """Those that are checked at COMMIT only. Others refuse a row as it is written, which is then a reject."""
    has_rows: bool = False

    def column(self, name: str) -> ObservedColumn | None:
        """A column, by its name in any case."""
        return next((each for each in self.columns if each.name.lower() == name.lower()), None)


def unique_keys(parts: Sequence[tuple[str, str, bool]]) -> tuple[UniqueKey, ...]:
    """From (name of the key, column, whether it is whole), in the order of the columns."""
    names = dict.fromkeys(name for name, _, _ in parts)
    return tuple(
        UniqueKey(
            name,
            tuple(column for key, column, _ in parts if key == name),
            all(whole for key, _, whole in parts if key == name),
        )
        for name in names
    )


class CleanTable(msgspec.Struct, frozen=True):
    """A table that was found fit to write to. Its dialect may have to remember more of it."""

    name: str
    quoted: str
    identity_keys: frozenset[str]
    """Names of the unique keys on the row's identity: a duplicate of one of these is a duplicate record."""
    twin_keys: tuple[tuple[str, ...], ...] = ()
    """Columns of the table's own keys on exactly the fields that identify a record: a row that has the same values
    there is the same record, though it came in some other way."""
    ordered: bool = False
    """Whether identities begin with their order."""
    ordered_by: str | None = None
    """The field of that order."""
