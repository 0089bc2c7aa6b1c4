"""What stands in the way of a process's workers: logged once when it starts and once when it ends, shown by /readyz."""

from __future__ import annotations

import logging
import threading
import time

import maxminddb

from dcp_pipeline.database.errors import NeedsAPerson, SinkUnavailable, TableMismatch
from dcp_worker.enrich import EnrichmentError

log = logging.getLogger(__name__)

UNREADY = (SinkUnavailable, TableMismatch, EnrichmentError, maxminddb.InvalidDatabaseError)
"""What is wrong around a batch and not with it: it is given back, and the worker waits for the mending."""
_MENDED_BY_HAND = (NeedsAPerson, TableMismatch, EnrichmentError, maxminddb.InvalidDatabaseError)


class Trouble:
    """The state of queue and sink as the workers last saw them. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: str | None = None
        self._sink: str | None = None
        self._hopeless: tuple[float, Exception] | None = None

    def queue(self, error: Exception | None) -> None:
        """The queue answered (None), or failed so."""
        with self._lock:
            self._queue = _changed("queue", self._queue, error)

    def sink(self, error: Exception | None) -> None:
        """The sink answered (None), or failed so."""
        with self._lock:
            self._sink = _changed("sink", self._sink, error)
            if error is None or not isinstance(error, _MENDED_BY_HAND):
                self._hopeless = None
            else:
                self._hopeless = (self._hopeless[0] if self._hopeless else time.monotonic(), error)

    def hopeless(self, lasting_seconds: float) -> Exception | None:
        """What has been wrong with the sink for so long and only a person can mend; None where nothing is."""
        with self._lock:
            if self._hopeless is None or time.monotonic() - self._hopeless[0] < lasting_seconds:
                return None
            return self._hopeless[1]

    def of_queue(self) -> str | None:
        """What is wrong with the queue; None when nothing is."""
        return self._queue

    def of_sink(self) -> str | None:
        """What is wrong with the sink; None when nothing is."""
        return self._sink


def _changed(what: str, before: str | None, error: Exception | None) -> str | None:
    now = None if error is None else f"{type(error).__name__}: {error}"
    if now and not before:
        log.warning("%s unreachable, or not as it should be; waiting and trying again", what, extra={"error": now})
    if before and not now:
        log.info("%s well again", what)
    return now
