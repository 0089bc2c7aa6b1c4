"""What the supervisor tells: its status for the other commands, and whoever manages it that it is up, and alive."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence

from dcp_cli.up.notes import PipelineNote, Status, UpFolder
from dcp_pipeline.errors import in_words
from dcp_pipeline.observe.readiness import READY, WATCHDOG, tell_manager, watchdog_seconds

log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 60.0
"""One pipeline whose database is away must not have the manager take all of them for failed."""


class Teller:
    """tell() each round; it says only what is new."""

    def __init__(self, folder: UpFolder, environment: Mapping[str, str], now: float) -> None:
        self._folder, self._since, self._begun = folder, time.time(), now
        self._written, self._announced = "", False
        seconds = watchdog_seconds(environment)
        self._watchdog_every, self._barked = (seconds / 2 if seconds else None), 0.0

    def tell(self, notes: Sequence[PipelineNote], page: str, now: float) -> None:
        """The pipelines as they are now; `page`: its address, where it runs."""
        self._write(Status(os.getpid(), self._since, tuple(notes), page))
        settled = all(each.state not in ("starting", "changing") for each in notes)
        if not self._announced and (settled or now - self._begun > _PATIENCE_SECONDS):
            self._announced = True
            running = sum(each.state == "running" for each in notes)
            log.info("up: %d of %d pipelines run", running, len(notes))
            tell_manager(READY, f"STATUS={running} of {len(notes)} pipelines run")
        if self._watchdog_every is not None and now - self._barked >= self._watchdog_every:
            self._barked = now
            tell_manager(WATCHDOG)

    def _write(self, status: Status) -> None:
        if (said := repr(status)) == self._written:
            return
        try:
            self._folder.write(status)
            self._written = said
        except OSError as error:
            log.error("the status cannot be written: %s", in_words(error))
