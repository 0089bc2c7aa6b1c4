"""geoip: each database open once, each cache shared, whatever plans ask for them. geoip.py above looks up."""

from __future__ import annotations

from collections.abc import Callable

from dcp_pipeline.spec.enrichments.geoip import GeoDatabase, GeoIp
from dcp_worker.enrich.database import Edition
from dcp_worker.enrich.database import GeoDatabase as OpenDatabase
from dcp_worker.enrich.download import DownloadedDatabase
from dcp_worker.enrich.geoip import GeoLookup, GeoStep
from dcp_worker.enrich.step import Around

Editions = Callable[[], Edition]


def opener(around: Around) -> Geolocation:
    """What makes the steps of a process."""
    return Geolocation(around)


class Geolocation:
    """The databases and caches of a process."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._databases: dict[GeoDatabase, Editions] = {}
        self._lookups: dict[tuple[object, ...], GeoLookup] = {}

    def step(self, geoip: GeoIp, setting: str) -> GeoStep:
        """One step, from the databases and caches that others of the process use too."""
        paths, cache = tuple(geoip.fields.values()), geoip.cache
        key = (geoip.database, paths, cache)
        if key not in self._lookups:
            editions = self._databases.get(geoip.database) or self._open(geoip.database, f"{setting}.database")
            self._databases[geoip.database] = editions
            self._lookups[key] = GeoLookup(editions, paths, cache.size, cache.ttl.seconds)
        return GeoStep(geoip.from_, tuple(geoip.fields), self._lookups[key])

    def _open(self, database: GeoDatabase, setting: str) -> Editions:
        if database.url is not None:
            download = DownloadedDatabase(
                database.url, self._around.cache_folder, database.refresh.seconds, f"{setting}.url"
            )
            opened = OpenDatabase(download.path, f"{setting}.url")

            def refreshed() -> Edition:
                download.refresh()
                return opened.edition()

            return refreshed
        if database.persistent_volume_claim is not None:
            claim = database.persistent_volume_claim
            path = self._around.volumes_folder / claim.claim_name / claim.path.lstrip("/")
            return OpenDatabase(path, f"{setting}.persistentVolumeClaim").edition
        return OpenDatabase(self._around.located(database.path or ""), f"{setting}.path").edition
