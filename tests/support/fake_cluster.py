"""An API server in memory, as far as the operator uses one: enough to steer failures and to count writes.

tests/e2e/operator runs against a real one; here apply is a plain overlay without field ownership.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import msgspec

from dcp_operator.cluster.answers import Sent, page_of
from dcp_operator.cluster.api import ApiError
from dcp_operator.ground.kinds import EVENT, Kind

Key = tuple[str, str, str]


class FakeCluster:
    """Has Api's methods. `failing` maps a kind's name to the error that its writes get."""

    def __init__(self) -> None:
        self.objects: dict[Key, dict[str, Any]] = {}
        self.writes: list[tuple[str, str, str]] = []
        self.failing: dict[str, ApiError] = {}
        self._version = 100

    def put(self, kind: Kind, document: Mapping[str, Any]) -> dict[str, Any]:
        """As if somebody else had written it."""
        metadata = document["metadata"]
        self._version += 1
        stored = deepcopy(dict(document))
        stored["metadata"] = {"uid": f"uid-{self._version}", **metadata, "resourceVersion": str(self._version)}
        self.objects[kind.plural, metadata["namespace"], metadata["name"]] = stored
        return deepcopy(stored)

    def find(self, kind: Kind, name: str, namespace: str = "feeds") -> dict[str, Any] | None:
        return deepcopy(self.objects.get((kind.plural, namespace, name)))

    @property
    def events(self) -> list[str]:
        return [each["reason"] for key, each in self.objects.items() if key[0] == EVENT.plural]

    async def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
        return self.find(kind, name, namespace)

    async def list(self, kind: Kind, namespace: str | None, label_selector: str = "") -> list[dict[str, Any]]:
        return [each.document for each in (await self.listed(kind, namespace, label_selector))[0]]

    async def listed(self, kind: Kind, namespace: str | None, label_selector: str = "") -> tuple[list[Sent], str]:
        found = [
            each
            for key, each in self.objects.items()
            if key[0] == kind.plural and namespace in (None, key[1]) and _selected(each, label_selector)
        ]
        items = msgspec.json.encode({"metadata": {"resourceVersion": str(self._version)}, "items": found})
        return page_of(kind, items).objects, str(self._version)

    async def apply(
        self, kind: Kind, document: Mapping[str, Any], field_manager: str, subresource: str | None = None
    ) -> dict[str, Any]:
        metadata = document["metadata"]
        self._write(f"apply {subresource}" if subresource else "apply", kind, metadata["name"])
        before = self.find(kind, metadata["name"], metadata["namespace"])
        if subresource == "scale":
            assert before is not None
            fields = {"manager": field_manager, "fieldsV1": {"f:spec": {"f:replicas": {}}}}
            before["metadata"]["managedFields"] = [fields]
            return self.put(kind, before | {"spec": {**before["spec"], **document["spec"]}})
        if subresource == "status":
            assert before is not None
            return self.put(kind, before | {"status": document["status"]})
        merged = deepcopy(dict(document))
        if before is not None:
            merged["metadata"] = {**before["metadata"], **merged["metadata"]}
            if "spec" in merged and "replicas" in before.get("spec", {}):
                merged["spec"].setdefault("replicas", before["spec"]["replicas"])
        return self.put(kind, merged)

    async def create(self, kind: Kind, document: Mapping[str, Any], field_manager: str) -> dict[str, Any]:
        self._write("create", kind, document["metadata"]["name"])
        return self.put(kind, document)

    async def annotate(self, kind: Kind, namespace: str, name: str, uid: str, annotations: Mapping[str, str]) -> None:
        self._write("patch", kind, name)
        found = self.find(kind, name, namespace)
        if found is not None and found["metadata"]["uid"] == uid:
            metadata = found["metadata"]
            kept = {**metadata.get("annotations", {}), **annotations}
            self.put(kind, found | {"metadata": {**metadata, "annotations": kept}})

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        self._write("delete", kind, name)
        self.objects.pop((kind.plural, namespace, name), None)

    def _write(self, verb: str, kind: Kind, name: str) -> None:
        self.writes.append((verb, kind.kind, name))
        if kind.kind in self.failing:
            raise self.failing[kind.kind]


def _selected(document: Mapping[str, Any], label_selector: str) -> bool:
    labels = document["metadata"].get("labels", {})
    wanted = [each.partition("=") for each in label_selector.split(",") if each]
    return all(labels.get(name) == value if equals else name[1:] not in labels for name, equals, value in wanted)
