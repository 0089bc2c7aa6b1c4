"""The enrichments of a process: each database open once, each cache shared, whatever plans ask for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from dcp_pipeline.spec.model import Cleaning, GeoDatabase, GeoIp
from dcp_worker.enrich.database import Edition
from dcp_worker.enrich.database import GeoDatabase as OpenDatabase
from dcp_worker.enrich.download import DownloadedDatabase
from dcp_worker.enrich.geoip import GeoLookup, GeoStep

VOLUMES_FOLDER = Path("/var/lib/dcp/volumes")
"""Where the operator mounts the claims that a spec names: <folder>/<claimName>."""

Editions = Callable[[], Edition]


class Enrichers:
    """Opens what the specs' `enrich` names when first asked, and keeps it. Thread-safe.

    `located` turns a path of the spec into a file's; `cache_folder` holds what is downloaded.
    """

    def __init__(
        self, located: Callable[[str], Path], cache_folder: Path, volumes_folder: Path = VOLUMES_FOLDER
    ) -> None:
        self._located, self._cache_folder, self._volumes_folder = located, cache_folder, volumes_folder
        self._lock = threading.Lock()
        self._databases: dict[GeoDatabase, Editions] = {}
        self._lookups: dict[tuple[object, ...], GeoLookup] = {}

    def of(self, cleaning: Cleaning) -> tuple[GeoStep, ...]:
        """The steps of a spec, in its order.

        Raises EnrichmentError where a database cannot be read.
        """
        with self._lock:
            return tuple(
                self._step(step.geoip, f"spec.cleaning.enrich[{number}].geoip")
                for number, step in enumerate(cleaning.enrich)
                if step.geoip is not None
            )

    def _step(self, geoip: GeoIp, setting: str) -> GeoStep:
        paths, cache = tuple(geoip.fields.values()), geoip.cache
        key = (geoip.database, paths, cache)
        if key not in self._lookups:
            editions = self._databases.get(geoip.database) or self._open(geoip.database, f"{setting}.database")
            self._databases[geoip.database] = editions
            self._lookups[key] = GeoLookup(editions, paths, cache.size, cache.ttl.seconds)
        return GeoStep(geoip.from_, tuple(geoip.fields), self._lookups[key])

    def _open(self, database: GeoDatabase, setting: str) -> Editions:
        if database.url is not None:
            download = DownloadedDatabase(database.url, self._cache_folder, database.refresh.seconds, f"{setting}.url")
            opened = OpenDatabase(download.path, f"{setting}.url")

            def refreshed() -> Edition:
                download.refresh()
                return opened.edition()

            return refreshed
        if database.persistent_volume_claim is not None:
            claim = database.persistent_volume_claim
            path = self._volumes_folder / claim.claim_name / claim.path.lstrip("/")
            return OpenDatabase(path, f"{setting}.persistentVolumeClaim").edition
        return OpenDatabase(self._located(database.path or ""), f"{setting}.path").edition
