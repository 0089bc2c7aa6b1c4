"""Where addresses are: one step of `enrich`, over the addresses of a batch."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl
from maxminddb.types import Record

from dcp_worker.clean.addresses import IPV4
from dcp_worker.enrich.cache import LruCache
from dcp_worker.enrich.database import Edition
from dcp_worker.enrich.networks import NUMBER, NetworkCache, number_of

Found = tuple[str | None, ...]
_ADDRESS = "address"


@dataclass(frozen=True)
class Known:
    """What is remembered of one edition of a database: networks of IPv4, and addresses of IPv6."""

    edition: Edition
    networks: NetworkCache
    addresses: LruCache[Found]


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
        """The addresses, each once, beside the values at the paths as text (`columns`); null where there is none."""
        known = self._known_now()
        distinct = addresses.drop_nulls().unique().alias(_ADDRESS)
        is_ipv4 = distinct.str.contains(rf"\A{IPV4}\z")
        networks = self._find_networks(known, distinct.filter(is_ipv4))
        return networks if is_ipv4.all() else networks.vstack(self._find_others(known, distinct.filter(~is_ipv4)))

    def _known_now(self) -> Known:
        edition = self._current()
        with self._lock:
            if self._known is None or self._known.edition is not edition:
                networks = NetworkCache(self.columns, self._size, self._ttl_seconds)
                self._known = Known(edition, networks, LruCache(self._size, self._ttl_seconds))
            return self._known

    def _find_networks(self, known: Known, quads: pl.Series) -> pl.DataFrame:
        numbered = quads.to_frame().with_columns(number_of(pl.col(_ADDRESS)).alias(NUMBER))
        hits, misses = known.networks.match(numbered)
        if misses.height:
            records, prefix_lengths = known.edition.networks(misses[_ADDRESS].to_list())
            found = misses.hstack(self._columns_of([values_at(record, self._paths) for record in records]))
            known.networks.learn(found, prefix_lengths)
            hits = hits.vstack(found)
        return hits.drop(NUMBER)

    def _find_others(self, known: Known, addresses: pl.Series) -> pl.DataFrame:
        texts = addresses.to_list()
        found = known.addresses.get_many(texts)
        missing = [address for address, values in zip(texts, found, strict=True) if values is None]
        looked_up = [values_at(record, self._paths) for record in known.edition.lookup(missing)]
        known.addresses.put_many(missing, looked_up)
        rest = iter(looked_up)
        return addresses.to_frame().hstack(
            self._columns_of([next(rest) if values is None else values for values in found])
        )

    def _columns_of(self, found: Sequence[Found]) -> list[pl.Series]:
        values = zip(*found, strict=True) if found else [()] * len(self.columns)
        return [pl.Series(name, each, dtype=pl.String) for name, each in zip(self.columns, values, strict=True)]


@dataclass(frozen=True)
class GeoStep:
    """One geoip step: the field that holds the address, and the field that each of the lookup's paths fills."""

    source: str
    targets: tuple[str, ...]
    lookup: GeoLookup

    def enrich(self, addresses: pl.Series) -> pl.DataFrame:
        """A String column per target, null where nothing was found."""
        found, columns = self.lookup.find(addresses), self.lookup.columns
        joined = addresses.alias(_ADDRESS).to_frame().join(found, on=_ADDRESS, how="left", maintain_order="left")
        return joined.select(columns).rename(dict(zip(columns, self.targets, strict=True)))


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
