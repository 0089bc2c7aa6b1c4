"""Where addresses are: one step of `enrich`, over the addresses of a batch."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
from maxminddb.types import Record

from dcp_worker.enrich.cache import LruCache
from dcp_worker.enrich.database import Edition

Found = tuple[str | None, ...]
_ADDRESS = "address"


class GeoLookup:
    """Looks up paths of the records of a database, through a cache. Thread-safe.

    What is remembered is dropped when the database changes.
    """

    def __init__(
        self, edition: Callable[[], Edition], paths: tuple[str, ...], cache: Callable[[], LruCache[Found]]
    ) -> None:
        self._current, self._paths, self._new_cache = edition, paths, cache
        self._known: tuple[Edition | None, LruCache[Found]] = (None, cache())

    def find(self, addresses: list[str]) -> list[Found]:
        """For each address the values at the paths, as text; None where there is none."""
        edition = self._current()
        known_edition, cache = self._known
        if known_edition is not edition:
            cache = self._new_cache()
            self._known = (edition, cache)
        found = cache.get_many(addresses)
        missing = [address for address, values in zip(addresses, found, strict=True) if values is None]
        if missing:
            looked_up = [values_at(record, self._paths) for record in edition.lookup(missing)]
            cache.put_many(missing, looked_up)
            rest = iter(looked_up)
            found = [next(rest) if values is None else values for values in found]
        return [values for values in found if values is not None]


@dataclass(frozen=True)
class GeoStep:
    """One geoip step: the field that holds the address, and the field that each of the lookup's paths fills."""

    source: str
    targets: tuple[str, ...]
    lookup: GeoLookup

    def enrich(self, addresses: pl.Series) -> pl.DataFrame:
        """A String column per target, null where nothing was found."""
        distinct = addresses.drop_nulls().unique()
        found = self.lookup.find(distinct.to_list())
        columns = zip(*found, strict=True) if found else [()] * len(self.targets)
        names = [str(number) for number in range(len(self.targets))]
        values = [pl.Series(name, column, dtype=pl.String) for name, column in zip(names, columns, strict=True)]
        table = pl.DataFrame([distinct.alias(_ADDRESS), *values])
        joined = addresses.alias(_ADDRESS).to_frame().join(table, on=_ADDRESS, how="left", maintain_order="left")
        return joined.select(names).rename(dict(zip(names, self.targets, strict=True)))


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
