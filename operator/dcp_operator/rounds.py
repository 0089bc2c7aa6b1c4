"""The loops around the reconciler: workers that take dirty keys, and a resync of everything every 30 s.

The resync lists instead of trusting the watches: whatever a stalled watch has missed is seen then. A failing
pipeline is tried again with growing pauses, and holds up no other.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time

from dcp_operator.cluster.api import Api, ApiError, ApiUnreachable
from dcp_operator.cluster.dirty import DirtyKeys
from dcp_operator.cluster.store import Store
from dcp_operator.ground.kinds import PIPELINE, Kind
from dcp_operator.ground.names import FIELD_MANAGER, MANAGED_BY, PipelineKey
from dcp_operator.reconcile import Reconciler
from dcp_operator.scaling.scaler import Scaler
from dcp_operator.status.metrics import Metrics
from dcp_pipeline.observe.pulse import Pulse

log = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 60.0
MISSED_ROUNDS = 4
"""A resync that has not succeeded for so many periods makes the process unhealthy: it is started anew."""


class Rounds:
    """resync_once, reconcile_once and scale_once are the steps; the run_ methods repeat them until cancelled."""

    def __init__(
        self, store: Store, api: Api, dirty: DirtyKeys, reconciler: Reconciler, scaler: Scaler, metrics: Metrics,
        pulse: Pulse, kinds: tuple[Kind, ...], namespaces: tuple[str, ...],
    ) -> None:  # fmt: skip
        self._store, self._api, self._dirty, self._reconciler = store, api, dirty, reconciler
        self._scaler, self._metrics, self._pulse = scaler, metrics, pulse
        self._kinds = kinds
        self._namespaces: tuple[str | None, ...] = namespaces or (None,)
        self._failures: dict[PipelineKey, int] = {}
        self._synced = asyncio.Event()

    @property
    def synced(self) -> bool:
        """Whether the cluster has been listed once: before, every child would seem to be missing."""
        return self._synced.is_set()

    async def resync_once(self) -> None:
        """List everything, and have every pipeline reconciled. ApiError and ApiUnreachable pass through."""
        before = set(self._store.pipelines())
        for namespace in self._namespaces:
            for kind in self._kinds:
                documents, version = await self._api.list(kind, namespace, f"{MANAGED_BY}={FIELD_MANAGER}")
                for document in documents:
                    self._store.put_child(kind, document)
                self._store.keep_children(kind, namespace, documents, version)
            documents, version = await self._api.list(PIPELINE, namespace)
            listed = [self._store.put_pipeline(document) for document in documents]
            self._store.keep_pipelines(namespace, listed, version)
        self._synced.set()
        for key in before | set(self._store.pipelines()):
            self._dirty.mark(key)

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
            self._metrics.reconcile_seconds.observe(time.monotonic() - started)
        if again is not None:
            self._dirty.mark_later(key, again)

    async def run_resync(self, period_seconds: float) -> None:
        while True:
            try:
                await self.resync_once()
                self._pulse.beat("resync", "resyncing", MISSED_ROUNDS * period_seconds)
            except (ApiError, ApiUnreachable) as error:
                self._metrics.error("resync", error)
                log.warning("resync failed", extra={"error": str(error)})
            await asyncio.sleep(period_seconds * random.uniform(0.9, 1.1))  # noqa: S311

    async def run_reconcile(self) -> None:
        await self._synced.wait()
        while True:
            await self.reconcile_once()

    async def run_scaler(self, period_seconds: float) -> None:
        await self._synced.wait()
        while True:
            self._scaler.start_round()
            self._pulse.beat("scaler", "scaling", 60 + period_seconds)
            await asyncio.sleep(period_seconds)

    def _pause(self, key: PipelineKey, error: Exception) -> float:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        pause = min(2.0 ** (failures - 1), LONGEST_PAUSE_SECONDS)
        self._metrics.error("reconcile", error)
        told = {"pipeline": str(key), "error": f"{type(error).__name__}: {error}", "again_in": pause}
        if isinstance(error, (ApiError, ApiUnreachable)):
            log.log(logging.WARNING if failures > 1 else logging.INFO, "reconcile failed", extra=told)
        else:
            log.error("reconcile failed", exc_info=error, extra=told)
        return pause
