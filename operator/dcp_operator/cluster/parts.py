"""Everything that is listed and watched: each kind in each namespace a part of its own, and which namespaces those are.

A namespace that goes, or whose RoleBinding goes, and a kind that is not served cost their own parts and nothing else:
Parts tells what is not seen, and the reconciler leaves it alone and says so. Namespaces come and go without a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from dcp_operator.cluster.answers import ApiError
from dcp_operator.cluster.api import Api
from dcp_operator.cluster.kept import KeptChildren, KeptNamespaces, KeptPipelines, Mark
from dcp_operator.cluster.part import Part, Place, Unseen
from dcp_operator.cluster.store import Store
from dcp_operator.ground.kinds import NAMESPACE, PIPELINE, Kind
from dcp_operator.ground.names import FIELD_MANAGER, MANAGED_BY
from dcp_operator.ground.scope import Scope
from dcp_pipeline.spec.kubernetes.instances import looked_after_by

LISTS_AT_ONCE = 8


class Parts:
    """run() watches until cancelled; list_once() lists everything once. What is seen is in the store."""

    def __init__(
        self, api: Api, store: Store, mark: Mark, kinds: tuple[Kind, ...], scope: Scope,
        period_seconds: float, failed: Callable[[Place, Exception], None], seen: Callable[[Place, bool], None],
        instance: str = "", *, of: Kind = PIPELINE, selector: str | None = None, own: str = FIELD_MANAGER,
    ) -> None:  # fmt: skip
        self._api, self._store, self._mark, self._kinds = api, store, mark, kinds
        self._scope, self._period, self._failed, self._seen = scope, period_seconds, failed, seen
        self._of_kind, self._own = of, f"{MANAGED_BY}={own}"
        self._pipelines = looked_after_by(instance) if selector is None else selector
        self._turns = asyncio.Semaphore(LISTS_AT_ONCE)
        self._parts: dict[str | None, dict[Kind, Part]] = {}
        self._tasks: dict[str | None, list[asyncio.Task[None]]] = {}
        self._running: asyncio.TaskGroup | None = None
        self._namespaces = self._part(Place(NAMESPACE, None), scope.selector, KeptNamespaces(self._are)) \
            if scope.looked_up else None  # fmt: skip
        if not scope.looked_up:
            self._are(frozenset(scope.names))

    @property
    def synced(self) -> bool:
        """Whether of everything it is known what there is, or that it may not be known."""
        if self._namespaces is not None and not self._namespaces.listed:
            return False
        return all(part.settled for kinds in self._parts.values() for part in kinds.values())

    @property
    def namespaces(self) -> tuple[str | None, ...]:
        """Those that are watched; (None,): all of them."""
        return tuple(self._parts)

    def settled(self, namespace: str) -> bool:
        """Whether a namespace's pipelines can be told what they lack: before, every child would seem to be missing."""
        return all(part.settled for part in self._of(namespace).values())

    def unseen(self, namespace: str) -> Mapping[Kind, Unseen]:
        """The kinds that we are not let see there, and what the API server says."""
        return {kind: part.refusal for kind, part in self._of(namespace).items() if part.refusal is not None}

    async def run(self) -> None:
        """List and watch, until cancelled."""
        async with asyncio.TaskGroup() as running:
            self._running = running
            if self._namespaces is not None:
                running.create_task(self._namespaces.run())
            for namespace in list(self._parts):
                self._start(namespace)
            await asyncio.Event().wait()

    async def list_once(self) -> None:
        """All parts, one after the other. What is refused is remembered; ApiUnreachable passes through."""
        if self._namespaces is not None:
            await self._namespaces.list_once()
        for part in [part for kinds in self._parts.values() for part in kinds.values()]:
            try:
                await part.list_once()
            except ApiError as error:
                if part.refusal is None:
                    raise
                self._failed(part.place, error)

    def _are(self, there: frozenset[str]) -> None:
        """The namespaces that there are: parts for those that are wanted, and none for others."""
        wanted: Iterable[str | None] = self._scope.chosen(there)
        for namespace in set(wanted) - self._parts.keys():
            self._add(namespace)
        for namespace in self._parts.keys() - set(wanted):
            self._drop(namespace)

    def _add(self, namespace: str | None) -> None:
        kept = {kind: KeptChildren(kind, self._store, self._mark, namespace) for kind in self._kinds}
        parts = {kind: self._part(Place(kind, namespace), self._own, each) for kind, each in kept.items()}
        pipelines = KeptPipelines(self._store, self._mark, namespace)
        parts[self._of_kind] = self._part(Place(self._of_kind, namespace), self._pipelines, pipelines)
        self._parts[namespace] = parts
        self._start(namespace)

    def _start(self, namespace: str | None) -> None:
        if self._running is not None:
            parts = self._parts[namespace].values()
            self._tasks[namespace] = [self._running.create_task(part.run()) for part in parts]

    def _drop(self, namespace: str | None) -> None:
        for task in self._tasks.pop(namespace, ()):
            task.cancel()
        for part in self._parts.pop(namespace).values():
            self._seen(part.place, True)
        for key in self._store.drop_namespace(namespace):
            self._mark(key)

    def _part(self, place: Place, selector: str, kept: KeptChildren | KeptPipelines | KeptNamespaces) -> Part:
        return Part(place, selector, self._api, kept, self._period, self._changed, self._turns, self._failed)

    def _changed(self, place: Place) -> None:
        """Something was seen for the first time, or again, or no longer: its pipelines are told."""
        part = self._parts.get(place.namespace, {}).get(place.kind)
        if part is None:
            return
        self._seen(place, part.refusal is None)
        for key in self._store.pipelines():
            if place.namespace in (None, key.namespace):
                self._mark(key)

    def _of(self, namespace: str) -> Mapping[Kind, Part]:
        return self._parts.get(None) or self._parts.get(namespace, {})
