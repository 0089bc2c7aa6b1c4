"""Where addresses are: one step of `enrich`, over the addresses of a batch."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence

import msgspec
import polars as pl
from maxminddb.types import Record

from dcp_worker.enrich.database import Edition
from dcp_worker.enrich.remembered import RecordCache
from dcp_worker.enrich.tree import PLACE
from dcp_worker.ground.placing import put_at

Found = tuple[str | None, ...]
_ADDRESS = "address"


class Known(msgspec.Struct, frozen=True):
    """What is remembered of one edition of a database."""

    edition: Edition
    records: RecordCache


class GeoLookup:
    """Looks up paths of the records of a database, through a cache. Thread-safe.

    What is remembered is dropped when the database changes.
    """

    def __init__(
        self, edition: Callable[[], Edition], paths: tuple[str, ...], cache_size: int, cache_ttl_seconds: float
    ) -> None:
        self._current, self._paths = edition, paths
        self._size, self._ttl_seconds = cache_size, cache_ttl_seconds
        self.columns = [str(number) for number in range(len(paths))]
        self._lock = threading.Lock()
        self._known: Known | None = None

    def find(self, addresses: pl.Series) -> pl.DataFrame:
        """For each address the values at the paths as text (`columns`); null where there is none."""
        known = self._known_now()
        places = known.edition.tree.places(addresses)
        values, is_known = known.records.match(places)
        unknown = (places.is_not_null() & ~is_known).arg_true()
        if not len(unknown):
            return values
        return put_at(unknown, self._look_up(known, addresses.gather(unknown), places.gather(unknown)), values)

    def _known_now(self) -> Known:
        edition = self._current()
        with self._lock:
            if self._known is None or self._known.edition is not edition:
                self._known = Known(edition, RecordCache(self.columns, self._size, self._ttl_seconds))
            return self._known

    def _look_up(self, known: Known, addresses: pl.Series, places: pl.Series) -> pl.DataFrame:
        """Each place's record is made once, from the first of its addresses."""
        distinct = pl.DataFrame([places, addresses.alias(_ADDRESS)]).unique(PLACE, keep="first")
        records = known.edition.records(distinct[_ADDRESS].to_list())
        found = pl.DataFrame(self._columns_of([values_at(record, self._paths) for record in records]))
        known.records.learn(distinct[PLACE], found)
        answers = distinct.select(PLACE).hstack(found)
        return places.to_frame().join(answers, on=PLACE, how="left", maintain_order="left").select(self.columns)

    def _columns_of(self, found: Sequence[Found]) -> list[pl.Series]:
        values = zip(*found, strict=True) if found else [()] * len(self.columns)
        return [pl.Series(name, each, dtype=pl.String) for name, each in zip(self.columns, values, strict=True)]


class GeoStep(msgspec.Struct, frozen=True):
    """One geoip step: the field that holds the address, and the field that each of the lookup's paths fills."""

    source: str
    targets: tuple[str, ...]
    lookup: GeoLookup
    kind: str = "geoip"
    takes: tuple[str, ...] = ("ip", "string")

    def enrich(self, addresses: pl.Series) -> pl.DataFrame:
        """A String column per target, null where nothing was found."""
        found = self.lookup.find(addresses)
        return found.rename(dict(zip(found.columns, self.targets, strict=True)))


def values_at(record: Record | None, paths: tuple[str, ...]) -> Found:
    """The values at dotted paths of a record, as text."""
    if record is None:
        return (None,) * len(paths)
    return tuple([_as_text(_at(record, path)) for path in paths])


def _at(record: Record, path: str) -> Record | None:
    if isinstance(record, dict) and path in record:
        return record[path]
    value: Record | None = record
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _as_text(value: Record | None) -> str | None:
    if isinstance(value, str):
        return value or None
    match value:
        case None:
            return None
        case bytes() | bytearray():
            return value.hex()
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case _:
            return json.dumps(value, ensure_ascii=False, default=str)
