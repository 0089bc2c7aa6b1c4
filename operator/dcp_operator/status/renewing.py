"""Whose pods are being renewed, as the cluster shows it: what a replica that begins to lead goes on from."""

from __future__ import annotations

from collections.abc import Callable

from dcp_operator.children.children import COMPONENTS
from dcp_operator.cluster.store import Store
from dcp_operator.ground.names import PipelineKey
from dcp_operator.status.seen import deployment_seen

LONGEST_WAIT_SECONDS = 30.0
"""For what cannot be listed: one namespace must not hold up all others for ever."""


class Renewing:
    """Called: the pipelines; None while not everything has been listed."""

    def __init__(self, store: Store, listed: Callable[[], bool], monotonic: Callable[[], float]) -> None:
        self._store, self._listed, self._monotonic = store, listed, monotonic
        self._asked_at: float | None = None

    def __call__(self) -> list[PipelineKey] | None:
        self._asked_at = self._monotonic() if self._asked_at is None else self._asked_at
        if not self._listed() and self._monotonic() - self._asked_at < LONGEST_WAIT_SECONDS:
            return None
        return [key for key in self._store.pipelines() if self._is_renewed(key)]

    def _is_renewed(self, key: PipelineKey) -> bool:
        found = (self._store.deployment(key, each) for each in COMPONENTS)
        return any(each is not None and not deployment_seen(each.document).out for each in found)
