"""The thread that looks at the ledger once a minute, for whoever tells of it: reports, metrics, notices.

lookout = Lookout(lambda: ledger.sight(spec)); lookout.add(listener); lookout.start(); ...; lookout.stop()

Looking takes at most SHARE_OF_TIME; the first look, which also connects, is not counted. A listener that fails is
logged, and the others are told all the same.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import msgspec

from dcp_pipeline.database.errors import LedgerError
from dcp_pipeline.ledger.looking.sight import Sight

log = logging.getLogger(__name__)

PERIOD_SECONDS = 60.0
SHARE_OF_TIME = 0.02
LONGEST_PAUSE_SECONDS = 600.0


class Looked(msgspec.Struct, frozen=True):
    """What was seen at a time, in seconds since the epoch; or why nothing was."""

    at: float
    sight: Sight | None
    trouble: str | None = None


def looked(look: Callable[[], Sight]) -> Looked:
    """Look once."""
    try:
        return Looked(time.time(), look())
    except LedgerError as error:
        return Looked(time.time(), None, str(error))


class Lookout:
    """start, run_once, stop. `latest` is what was seen last."""

    def __init__(self, look: Callable[[], Sight], period_seconds: float = PERIOD_SECONDS) -> None:
        self._look, self._period = look, period_seconds
        self._listeners: list[Callable[[Looked], object]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lookout", daemon=True)
        self.latest: Looked | None = None

    def add(self, listener: Callable[[Looked], object]) -> None:
        """To be told of each look, in this thread."""
        self._listeners.append(listener)

    def start(self) -> None:
        self._thread.start()

    def stop(self, wait_seconds: float = 5.0) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(wait_seconds)

    def run_once(self) -> float:
        """Look and tell; in how many seconds to come back."""
        first, started = self.latest is None, time.monotonic()
        self.latest = latest = looked(self._look)
        # While a machine starts everything is slow: whoever begins then is to look again in a minute, not in ten.
        cost = 0.0 if first else time.monotonic() - started
        for each in self._listeners:
            try:
                each(latest)
            except Exception:
                # A thread that ends with a defect would leave everybody uninformed for good.
                log.exception("what was seen could not be told")
        return max(self._period, min(cost / SHARE_OF_TIME, LONGEST_PAUSE_SECONDS))

    def _run(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            try:
                pause = self.run_once()
            except Exception:
                log.exception("a look failed")
                pause = self._period
