"""What is to be changed of a table that stands, as values. Each dialect's room writes them as one script."""

from __future__ import annotations

import msgspec

from dcp_worker.sink.shape import ObservedColumn


class AddColumn(msgspec.Struct, frozen=True):
    """A column that is missing."""

    name: str
    type: str


class ChangeColumn(msgspec.Struct, frozen=True):
    """A column that is to have another type, or to take NULL; the rest of its definition stays as it is."""

    column: ObservedColumn
    type: str
    nullable: bool


class AddKey(msgspec.Struct, frozen=True):
    """An index that is missing."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False


class ChangeEngine(msgspec.Struct, frozen=True):
    """The storage engine."""

    engine: str


Alteration = AddColumn | ChangeColumn | AddKey | ChangeEngine


class Problem(msgspec.Struct, frozen=True):
    """Why values would be changed or lost in a table, and what mends it: alterations, or a decision of people."""

    what: str
    alterations: tuple[Alteration, ...] = ()
    advice: str = ""
