"""What the ledger knows of a source's objects, asked for by pages of names: a history has no end, memory has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dcp_fetcher.publishing.publish import Outlet
from dcp_fetcher.sites.site import Site
from dcp_pipeline.ledger.model import SourceObject

PAGE_OBJECTS = 500
"""How many names one question holds. It costs a few milliseconds, and of a million objects as much as of a thousand."""


@dataclass(frozen=True)
class Known:
    """What is known of some objects."""

    versions: Mapping[str, Sequence[SourceObject]] = field(default_factory=dict)
    """By name, newest first."""
    incomplete: Mapping[str, str] = field(default_factory=dict)
    """Object id -> name; of the whole source."""

    def of(self, name: str) -> list[SourceObject]:
        """The recorded versions of an object, newest first."""
        return list(self.versions.get(name, ()))


class Catalogue:
    """Asks the ledger of one source. Not thread-safe: one round at a time asks."""

    def __init__(self, source: str, site: Site, outlet: Outlet) -> None:
        self._source, self._site, self._outlet = source, site, outlet
        self._older: dict[str, list[str]] | None = None

    def incomplete(self) -> dict[str, str]:
        """Object id -> name of what is being cut or has batches that are not settled."""
        found = self._outlet.patience(self._outlet.ledger.incomplete_objects)
        return {each.id: self._site.recorded(each.uri) for each in found if each.source == self._source}

    def unavailable(self) -> list[SourceObject]:
        """What could not be read."""
        return self._outlet.patience(lambda: self._outlet.ledger.unavailable_objects(self._source))

    def known(self, names: Iterable[str], incomplete: Mapping[str, str]) -> Known:
        """What is recorded under these names, and under those that an older release gave the same objects."""
        found: dict[str, list[SourceObject]] = {}
        ledger, older = self._outlet.ledger, self._names_of_old()
        for page in _pages((name, *older.get(name, ())) for name in dict.fromkeys(names)):
            for each in self._outlet.patience(lambda page=page: ledger.objects(self._source, page)):  # type: ignore[misc]
                found.setdefault(self._site.recorded(each.uri), []).append(each)
        return Known(found, incomplete)

    def _names_of_old(self) -> dict[str, list[str]]:
        """Name -> the URLs with a query under which an older release recorded it."""
        if self._older is None:
            self._older = {}
            for uri in self._outlet.patience(lambda: self._outlet.ledger.uris_with_query(self._source)):
                if (name := self._site.recorded(uri)) != uri:
                    self._older.setdefault(name, []).append(uri)
        return self._older


def _pages(objects: Iterable[tuple[str, ...]]) -> Iterator[list[str]]:
    """All uris of one object on one page: the ledger says which is newest among those that it is asked for at once."""
    page: dict[str, None] = {}
    for uris in objects:
        if page and len(page) + len(uris) > PAGE_OBJECTS:
            yield list(page)
            page = {}
        page.update(dict.fromkeys(uris))
    if page:
        yield list(page)
