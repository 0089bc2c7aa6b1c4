"""The enrichments of a process: what each kind shares is opened once, whatever plans ask for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast

from dcp_pipeline.spec.model import Cleaning
from dcp_worker.enrich.step import Around, Kind, Opener, Step

VOLUMES_FOLDER = Path("/var/lib/dcp/volumes")
"""Where the operator mounts the claims that a spec names: <folder>/<claimName>."""


class Enrichers:
    """Opens what the specs' `enrich` names when first asked, and keeps it. Thread-safe.

    `located` turns a path of the spec into a file's; `cache_folder` holds what is downloaded.
    """

    def __init__(
        self, located: Callable[[str], Path], cache_folder: Path, volumes_folder: Path = VOLUMES_FOLDER
    ) -> None:
        self._around = Around(located, cache_folder, volumes_folder)
        self._lock = threading.Lock()
        self._openers: dict[str, Opener] = {}

    def of(self, cleaning: Cleaning) -> tuple[Step, ...]:
        """The steps of a spec, in its order.

        Raises EnrichmentError where a database cannot be read.
        """
        with self._lock:
            return tuple(
                self._opener(step.kind).step(step.settings, f"spec.cleaning.enrich[{number}].{step.kind}")
                for number, step in enumerate(cleaning.enrich)
                if step.settings is not None
            )

    def _opener(self, kind: str) -> Opener:
        if kind not in self._openers:
            self._openers[kind] = cast(Kind, import_module(f"dcp_worker.enrich.kinds.{kind}")).opener(self._around)
        return self._openers[kind]
