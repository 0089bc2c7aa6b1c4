"""What stands in the way of a process's workers: logged once when it starts and once when it ends, shown by /readyz."""

from __future__ import annotations

import logging
import threading

import maxminddb

from dcp_pipeline.database.errors import SinkUnavailable, TableMismatch
from dcp_worker.enrich import EnrichmentError

log = logging.getLogger(__name__)

UNREADY = (SinkUnavailable, TableMismatch, EnrichmentError, maxminddb.InvalidDatabaseError)
"""What is wrong around a batch and not with it: it is given back, and the worker waits for the mending."""


class Trouble:
    """The state of queue and sink as the workers last saw them. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: str | None = None
        self._sink: str | None = None

    def queue(self, error: Exception | None) -> None:
        """The queue answered (None), or failed so."""
        with self._lock:
            self._queue = _changed("queue", self._queue, error)

    def sink(self, error: Exception | None) -> None:
        """The sink answered (None), or failed so."""
        with self._lock:
            self._sink = _changed("sink", self._sink, error)

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
