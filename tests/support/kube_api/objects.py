"""What the small API server holds: objects by path, versions, the history that watches replay, field managers.

As far as the operator uses one. Server-side apply merges mappings and takes lists whole; a field that its manager no
longer sends goes. That is less than Kubernetes does and enough to see who wrote what.
"""

from __future__ import annotations

import asyncio
import uuid
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
Place = tuple[str, str, str]
"""plural, namespace ("" where there is none), name"""


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


@dataclass(frozen=True)
class Change:
    """What a watch is told."""

    version: int
    type: str
    place: Place
    document: Document
    before: Document | None = None


class Objects:
    """All objects of a cluster. `changed` is set anew with each change."""

    def __init__(self) -> None:
        self.version = 1000
        self.by_place: dict[Place, Document] = {}
        self.history: list[Change] = []
        self.forgotten = 0
        """Changes up to this version are no longer replayed: a watch from before is answered with 410."""
        self.changed = asyncio.Event()
        self._applied: dict[tuple[Place, str], Document] = {}
        self.keeps_history = True
        """Whether watches are told of changes: a bench with 100,000 objects has no use for it."""
        self.pods_come_up = True
        """Whether a Deployment's pods are ready at once, as far as its status says."""

    def put(self, place: Place, document: Document) -> Document:
        """As anybody's write of the whole object."""
        before = self.by_place.get(place)
        self.version += 1
        metadata = {
            "uid": str(uuid.uuid4()), "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z",
            **document.get("metadata", {}), "name": place[2], "resourceVersion": str(self.version),
        }  # fmt: skip
        if place[1]:
            metadata["namespace"] = place[1]
        if before is not None:
            metadata["uid"] = before["metadata"]["uid"]
            same = before.get("spec") == document.get("spec")
            metadata["generation"] = before["metadata"]["generation"] + (0 if same else 1)
        stored = {**document, "metadata": metadata}
        if place[0] == "deployments":
            stored["status"] = self._rolled_out(stored, before)
        self.by_place[place] = stored
        self._note("MODIFIED" if before else "ADDED", place, stored, before)
        held = before is not None and before["metadata"].get("finalizers")
        if held and "deletionTimestamp" in metadata and not metadata.get("finalizers"):
            self.delete(place)  # what held it is gone
        return stored

    def apply(self, place: Place, document: Document, manager: str) -> Document:
        """Server-side apply, by force."""
        before = self.by_place.get(place)
        _same_uid(document, before)
        content = deepcopy(document)
        for server_side in ("uid", "resourceVersion"):
            content["metadata"].pop(server_side, None)
        earlier = self._applied.get((place, manager), {})
        self._applied[place, manager] = content
        merged = _merged(_without(deepcopy(before or {}), earlier, content), content)
        if place[0] == "deployments":
            others = {each["manager"] for each in (before or content)["metadata"].get("managedFields", ())} - {manager}
            kept = before["spec"]["replicas"] if before and others else 1
            merged.setdefault("spec", {}).setdefault("replicas", kept)
            if "replicas" in content.get("spec", {}):
                merged["metadata"]["managedFields"] = _owners(merged, manager)
        if before is not None and _settled(merged) == _settled(before):
            return before
        return self.put(place, merged)

    def apply_status(self, place: Place, document: Document) -> Document:
        before = self._there(place)
        _same_uid(document, before)
        if before.get("status") == document["status"]:
            return before
        return self.put(place, {**before, "status": document["status"]})

    def apply_scale(self, place: Place, document: Document, manager: str) -> Document:
        before = self._there(place)
        metadata = {**before["metadata"], "managedFields": [_owner_of_replicas(manager)]}
        return self.put(place, {**before, "metadata": metadata, "spec": {**before["spec"], **document["spec"]}})

    def delete(self, place: Place, uid: str | None = None) -> None:
        before = self._there(place)
        if uid is not None and before["metadata"]["uid"] != uid:
            raise Refused(409, "Conflict", "the uid in the precondition is another's")
        if before["metadata"].get("finalizers"):
            going = {"deletionTimestamp": "2026-01-01T00:00:00Z", **before["metadata"]}
            self.put(place, {**before, "metadata": going})
            return
        del self.by_place[place]
        self.version += 1
        metadata = {**before["metadata"], "resourceVersion": str(self.version)}
        self._note("DELETED", place, {**before, "metadata": metadata})

    def snapshot(self) -> tuple[int, dict[Place, Document]]:
        """To be given to set_back()."""
        return self.version, deepcopy(self.by_place)

    def set_back(self, snapshot: tuple[int, dict[Place, Document]]) -> None:
        """etcd from a backup: an older state, and versions that begin again from there."""
        self.version, self.by_place = snapshot[0], deepcopy(snapshot[1])
        self.history.clear()
        self._applied.clear()
        self.changed.set()
        self.changed = asyncio.Event()

    def _there(self, place: Place) -> Document:
        found = self.by_place.get(place)
        if found is None:
            raise Refused(404, "NotFound", f'{place[0]} "{place[2]}" not found')
        return found

    def _note(self, kind: str, place: Place, document: Document, before: Document | None = None) -> None:
        if self.keeps_history:
            self.history.append(Change(self.version, kind, place, document, before))
        self.changed.set()
        self.changed = asyncio.Event()

    def _rolled_out(self, document: Document, before: Document | None) -> Document:
        replicas = document["spec"].get("replicas", 1)
        if not self.pods_come_up:
            status = dict((before or {}).get("status", {}))
            if before and before["spec"].get("template") != document["spec"].get("template"):
                status["updatedReplicas"] = 0
            return {**status, "observedGeneration": document["metadata"]["generation"], "replicas": replicas,
                    "updatedReplicas": status.get("updatedReplicas", 0), "readyReplicas": 0}  # fmt: skip
        return {"observedGeneration": document["metadata"]["generation"], "replicas": replicas,
                "readyReplicas": replicas, "updatedReplicas": replicas, "availableReplicas": replicas}  # fmt: skip


def _same_uid(document: Document, before: Document | None) -> None:
    uid = document["metadata"].get("uid")
    if uid is not None and (before is None or before["metadata"]["uid"] != uid):
        raise Refused(404 if before is None else 409, "Conflict", "the uid is another's")


def _merged(base: Any, addition: Any) -> Any:
    if isinstance(base, dict) and isinstance(addition, dict):
        return {**base, **{key: _merged(base.get(key), value) for key, value in addition.items()}}
    return addition


def _without(live: Any, earlier: Any, now: Any) -> Any:
    """What was sent earlier and is not sent now goes."""
    if not isinstance(live, dict) or not isinstance(earlier, dict) or not isinstance(now, dict):
        return live
    kept = {key: value for key, value in live.items() if key not in earlier or key in now}
    return {key: _without(value, earlier.get(key), now.get(key)) for key, value in kept.items()}


def _settled(document: Document) -> Document:
    metadata = {key: value for key, value in document["metadata"].items() if key != "resourceVersion"}
    return {**{key: value for key, value in document.items() if key != "status"}, "metadata": metadata}


def _owner_of_replicas(manager: str) -> Document:
    return {"manager": manager, "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}}


def _owners(document: Document, manager: str) -> list[Document]:
    others = [each for each in document["metadata"].get("managedFields", ()) if each["manager"] != manager]
    return [*others, _owner_of_replicas(manager)]
