"""Carries out a plan: the one place that writes children. Every write is idempotent."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dcp_operator.children.children import Child
from dcp_operator.children.drift import stamped
from dcp_operator.children.judge import Refusal
from dcp_operator.children.plan import Action, Apply, Blocked, ChildKey, Delete, HandOver, controller_of, echo, key_of
from dcp_operator.cluster.api import Api, ApiError
from dcp_operator.cluster.store import Store
from dcp_operator.ground.kinds import DEPLOYMENT, Kind
from dcp_operator.ground.names import FIELD_MANAGER, SCALER_FIELD_MANAGER, PipelineKey
from dcp_operator.scaling.scaler import scale_document

log = logging.getLogger(__name__)

TOLD_AFTER = 3
"""How often in a row the server has to fail before it is a condition."""
Refused = Callable[[PipelineKey, Kind, int], None]
"""Told of each refusal, with its HTTP code."""


class Applier:
    """Applies actions, one after the other. Keeps what the server made of each child it applied."""

    def __init__(self, api: Api, store: Store, refused: Refused = lambda key, kind, status: None) -> None:
        self._api, self._store, self._refused = api, store, refused
        self._passing: dict[PipelineKey, int] = {}
        self._settled: dict[PipelineKey, dict[ChildKey, str]] = {}

    def settled(self, key: PipelineKey) -> Mapping[ChildKey, str]:
        """echo() of the children of a pipeline, as last applied."""
        return self._settled.get(key, {})

    def forget(self, key: PipelineKey) -> None:
        """The pipeline is gone."""
        self._settled.pop(key, None)
        self._passing.pop(key, None)

    async def carry_out(self, key: PipelineKey, actions: Sequence[Action]) -> Refusal | None:
        """Why not all could be done, where that is for a person to mend. ApiError passes through otherwise."""
        for action in actions:
            try:
                refusal = await self._one(key, action)
            except ApiError as error:
                if "NamespaceTerminating" in error.causes:
                    raise
                if not self._to_tell(key, error):
                    raise
                child = _of(action)
                self._refused(key, child.kind, error.status)
                return Refusal(
                    "ChildRejected", f"{_named(child)} is refused by the API server (HTTP {error.status}): {error}"
                )
            if refusal:
                return refusal
        self._passing.pop(key, None)
        return None

    def _to_tell(self, key: PipelineKey, error: ApiError) -> bool:
        """The server's own trouble passes: it is told once it has not."""
        if not error.passing:
            return True
        self._passing[key] = self._passing.get(key, 0) + 1
        return self._passing[key] >= TOLD_AFTER

    async def _one(self, key: PipelineKey, action: Action) -> Refusal | None:
        match action:
            case Apply(child, reason, new):
                if new and (foreign := await self._foreign(child)):
                    return foreign
                await self._apply(key, child, reason, new)
            case HandOver(child, replicas):
                await self._api.apply(DEPLOYMENT, scale_document(key, replicas), SCALER_FIELD_MANAGER, "scale")
                self._store.note_replicas(key, replicas)
            case Delete(child_key, uid):
                log.info("no longer wanted", extra={"pipeline": str(key), "child": _named(child_key)})
                await self._api.delete(child_key.kind, child_key.namespace, child_key.name, uid)
            case Blocked(child_key, reason):
                return Refusal("ChildBlocked", f"{_named(child_key)} {reason}")
        return None

    async def _apply(self, key: PipelineKey, child: Child, reason: str, new: bool) -> None:
        log.info("applying", extra={"pipeline": str(key), "child": _named(key_of(child)), "reason": reason})
        live = await self._api.apply(child.kind, _sent(child, new), FIELD_MANAGER)
        self._settled.setdefault(key, {})[key_of(child)] = echo(child, live)
        self._store.put_child(child.kind, live)

    async def _foreign(self, child: Child) -> Refusal | None:
        """A refusal where the name is taken by something that does not bear our labels: it would be overwritten."""
        child_key = key_of(child)
        found = await self._api.get(child_key.kind, child_key.namespace, child_key.name)
        if found is None or controller_of(found) == controller_of(child.document) or _is_orphan(found, child):
            return None
        return Refusal("ChildBlocked", f"{_named(child_key)} is there already, and is not this pipeline's")


def _sent(child: Child, new: bool) -> dict[str, Any]:
    document = stamped(child.document)
    if new and child.replicas_at_birth is not None:
        document["spec"] = {**document["spec"], "replicas": child.replicas_at_birth}
    return document


def _is_orphan(found: Mapping[str, Any], child: Child) -> bool:
    """Whether it is one of this pipeline's children that lost its owner: deleted with --cascade=orphan, or restored
    from a backup without it."""
    labels = found["metadata"].get("labels") or {}
    return controller_of(found) is None and child.document["metadata"]["labels"].items() <= labels.items()


def _of(action: Action) -> ChildKey:
    match action:
        case Apply(child) | HandOver(child):
            return key_of(child)
        case Delete(key) | Blocked(key):
            return key


def _named(key: ChildKey) -> str:
    return f"{key.kind.kind} {key.name}"
