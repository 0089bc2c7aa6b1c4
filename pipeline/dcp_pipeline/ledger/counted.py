"""Totals of what is settled, so that nobody sums up years of objects.

An object whose books are closed is *counted*: its sums stand in dcp_totals, and it says so itself. All others are
summed up by whoever asks (looking/overview.py). Both change in one transaction, with the object's row locked first, so
totals are exact however a process ends. Whoever changes a counted object's batches or state takes it out before
(count_out).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, delete, func, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from dcp_pipeline.database.transactions import TryAgain
from dcp_pipeline.ledger.books import entry_of, sums_of
from dcp_pipeline.ledger.model import ObjectBooks, ObjectState
from dcp_pipeline.ledger.tables import OBJECTS, TOTALS
from dcp_pipeline.spec.wanted_labels import remark_in

NOT_COUNTED = 1000
"""So many of the newest objects are never counted: they are what is looked at, and what may still grow."""
_AT_ONCE = 500
_CLOSED = (ObjectState.CUT, ObjectState.HISTORY)
GONE = "gone"
"""In the place of a state: of objects that have no entry any more (expiring/objects.py). Nothing is left of which these
sums could be made anew."""
SUMS = ("objects", "batches", "read", "written", "duplicates", "rejected", "filtered", "remarked", "expired")


class CountedUpTo(msgspec.Struct, frozen=True):
    """One step of the counting."""

    number: int
    """Of the last object that was looked at; 0 where there are no more."""
    counted: int


def count_settled(connection: Connection, pipeline: str, after: int) -> CountedUpTo:
    """Count some objects behind the number `after` whose books are closed: every record settled, nothing dead, no cut
    missing. Others are passed over: they are summed up each time, and told about."""
    uncounted = and_(OBJECTS.c.pipeline == pipeline, OBJECTS.c.counted.is_(None))
    newest = select(OBJECTS.c.number).where(uncounted).order_by(OBJECTS.c.number.desc())
    last = connection.execute(newest.offset(NOT_COUNTED).limit(1)).scalar()
    if last is None:
        return CountedUpTo(0, 0)
    query = select(OBJECTS.c.id, OBJECTS.c.number).where(uncounted, OBJECTS.c.number.between(after + 1, last))
    # Locked before anything is summed: what changes an object's batches has its row first.
    found = list(connection.execute(query.order_by(OBJECTS.c.number).limit(_AT_ONCE).with_for_update()))
    if not found:
        return CountedUpTo(0, 0)
    closed = [each for each in _read(connection, pipeline, [each.id for each in found]) if each.closed]
    if closed:
        counted = update(OBJECTS).where(OBJECTS.c.id.in_([each.books.object_id for each in closed]))
        connection.execute(counted.values(counted=1))
        _add(connection, pipeline, closed)
    return CountedUpTo(found[-1].number, len(closed))


def count_out(connection: Connection, pipeline: str, object_id: str) -> None:
    """Take an object out of the totals: it is about to change. Its row is locked from here on."""
    lock = select(OBJECTS.c.counted).where(OBJECTS.c.id == object_id, OBJECTS.c.pipeline == pipeline)
    if connection.execute(lock.with_for_update()).scalar() is None:
        return
    those = _read(connection, pipeline, [object_id])
    connection.execute(update(OBJECTS).where(OBJECTS.c.id == object_id).values(counted=None))
    _add(connection, pipeline, those, sign=-1)


def count_anew(connection: Connection, pipeline: str) -> None:
    """Forget the totals: everything is summed up by whoever asks, until it is counted again.

    Raises TryAgain where an object was counted meanwhile: its totals would be gone, and it would say that they stand.
    """
    counted = update(OBJECTS).where(OBJECTS.c.pipeline == pipeline, OBJECTS.c.counted.is_not(None))
    connection.execute(counted.values(counted=None))
    connection.execute(delete(TOTALS).where(TOTALS.c.pipeline == pipeline, TOTALS.c.state != GONE))
    if connection.execute(counted.values(counted=None)).rowcount:
        raise TryAgain("objects were counted just now")


def count_gone(connection: Connection, pipeline: str, object_ids: Sequence[str]) -> None:
    """These counted objects, whose rows are locked, are about to have no entry any more: their sums stay, apart."""
    those = _read(connection, pipeline, object_ids)
    _add(connection, pipeline, those, sign=-1)
    _add(connection, pipeline, those, instead=GONE)


def count_expired(connection: Connection, expired: Mapping[str, int]) -> None:
    """So many rows of these objects expire: the one change that leaves an object closed, so that one that is counted
    stays so, and its total grows. The objects' rows are locked from here on."""
    added: Counter[tuple[str, str, str]] = Counter()
    ids = sorted(expired)
    for start in range(0, len(ids), _AT_ONCE):
        query = select(OBJECTS).where(OBJECTS.c.id.in_(ids[start : start + _AT_ONCE])).order_by(OBJECTS.c.number)
        for row in connection.execute(query.with_for_update()):
            if row.counted is not None:
                added[row.pipeline, row.source, row.state] += expired[row.id]
    for (pipeline, source, state), number in sorted(added.items()):
        key = and_(TOTALS.c.pipeline == pipeline, TOTALS.c.source == source, TOTALS.c.state == state)
        grown = func.coalesce(TOTALS.c.expired, 0) + number
        connection.execute(update(TOTALS).where(key).values(expired=grown))


class _Counting(msgspec.Struct, frozen=True):
    """An object, and when its first and last records came."""

    books: ObjectBooks
    first_at: datetime | None
    last_at: datetime | None

    @property
    def closed(self) -> bool:
        return self.books.state in _CLOSED and self.books.balanced and not self.books.dead

    def value(self, name: str) -> int:
        """What it adds to a column of the totals."""
        if name == "remarked":
            return int(bool(remark_in(self.books.reason)))
        return 1 if name == "objects" else int(getattr(self.books, name))


def _read(connection: Connection, pipeline: str, ids: Sequence[str]) -> list[_Counting]:
    sums = sums_of(pipeline, list(ids))
    query = select(OBJECTS, *sums.c).outerjoin(sums, sums.c.object_id == OBJECTS.c.id)
    rows = connection.execute(query.where(OBJECTS.c.id.in_(ids)).order_by(OBJECTS.c.number))
    return [_Counting(entry_of(row), row.first_at, row.last_at) for row in rows]


def _add(
    connection: Connection, pipeline: str, objects: Sequence[_Counting], sign: int = 1, instead: str | None = None
) -> None:
    for source, state in sorted({(each.books.source, each.books.state) for each in objects}):
        those = [each for each in objects if (each.books.source, each.books.state) == (source, state)]
        sums = {name: sign * sum(each.value(name) for each in those) for name in SUMS}
        key = {"pipeline": pipeline, "source": source, "state": instead or state.value}
        standing = and_(*(TOTALS.c[name] == value for name, value in key.items()))
        found = connection.execute(select(TOTALS).where(standing).with_for_update()).one_or_none()
        first = min(_there(None if found is None else found.first_at, *(each.first_at for each in those)), default=None)
        last = max(_there(None if found is None else found.last_at, *(each.last_at for each in those)), default=None)
        if found is None:
            connection.execute(insert(TOTALS).values(**key, **sums, first_at=first, last_at=last))
        else:
            added: dict[str, ColumnElement[Any]] = {
                name: func.coalesce(TOTALS.c[name], 0) + value for name, value in sums.items()
            }
            connection.execute(update(TOTALS).where(standing).values(**added, first_at=first, last_at=last))


def _there(*moments: datetime | None) -> list[datetime]:
    return [each for each in moments if each is not None]
