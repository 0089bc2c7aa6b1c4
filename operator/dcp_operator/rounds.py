"""The loops around the reconciler: workers that take dirty keys, and the scaler's period.

What is dirty is said by the parts (cluster/parts.py): each change, and everything at each list. A failing pipeline is
tried again with growing pauses, and holds up no other.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from dcp_operator.cluster.api import ApiError, ApiUnreachable
from dcp_operator.cluster.dirty import DirtyKeys
from dcp_operator.ground.names import PipelineKey
from dcp_operator.scaling.scaler import Scaler
from dcp_operator.status.metrics import Metrics
from dcp_pipeline.observe.pulse import Pulse

log = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 60.0


class Reconciles(Protocol):
    """Brings one resource to where it should be; in how many seconds to come back."""

    async def run_once(self, key: PipelineKey) -> float | None: ...


class Rounds:
    """reconcile_once is the step; run_reconcile repeats it until cancelled."""

    def __init__(self, dirty: DirtyKeys, reconciler: Reconciles, metrics: Metrics) -> None:
        self._dirty, self._reconciler, self._metrics = dirty, reconciler, metrics
        self._failures: dict[PipelineKey, int] = {}

    async def reconcile_once(self) -> None:
        """Wait for a dirty key, and reconcile it."""
        key = await self._dirty.take()
        started = time.monotonic()
        try:
            again = await self._reconciler.run_once(key)
        except Exception as error:  # noqa: BLE001 - one pipeline that nobody foresaw must not stop all others
            again = self._pause(key, error)
        else:
            self._failures.pop(key, None)
        finally:
            self._dirty.done(key)
            self._metrics.reconciled(time.monotonic() - started)
        if again is not None:
            self._dirty.mark_later(key, again)

    async def run_reconcile(self) -> None:
        """Liveness hangs on our own loops only: an API server that is away makes no loop stuck."""
        while True:
            await self.reconcile_once()
            # One that nothing happened to is reconciled without waiting for anything, and so are thousands in a row:
            # nobody would hear meanwhile that something happens.
            await asyncio.sleep(0)

    def _pause(self, key: PipelineKey, error: Exception) -> float:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        pause = min(2.0 ** (failures - 1), LONGEST_PAUSE_SECONDS)
        self._metrics.error("reconcile", error)
        code = str(error.status) if isinstance(error, ApiError) else "0"
        self._metrics.failed(key, code)
        if isinstance(error, ApiError) and error.retry_after is not None:
            pause = max(pause, error.retry_after)
        told = {"pipeline": str(key), "error": f"{type(error).__name__}: {error}", "again_in": pause}
        if isinstance(error, (ApiError, ApiUnreachable)):
            log.log(logging.WARNING if failures > 1 else logging.INFO, "reconcile failed", extra=told)
        else:
            log.error("reconcile failed", exc_info=error, extra=told)
        return pause


async def run_scaler(scaler: Scaler, pulse: Pulse, period_seconds: float, leading: Callable[[], bool]) -> None:
    """A look at all queues each period, while this replica leads. Until cancelled."""
    while True:
        if leading():
            scaler.start_round()
        pulse.beat("scaler", "scaling", 60 + period_seconds)
        await asyncio.sleep(period_seconds)
