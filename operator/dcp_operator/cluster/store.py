"""What the operator knows of the cluster: pipelines and their children, fed by the watches and by every resync.

A view, not a source of truth: it may be seconds old, and everything done because of it is idempotent. The newer of
two versions of an object stays, in whichever order they arrive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dcp_operator.children.plan import ChildKey, Live, to_live
from dcp_operator.ground.kinds import DEPLOYMENT, SCALED_OBJECT, Kind
from dcp_operator.ground.names import SCALER_FIELD_MANAGER, Component, PipelineKey, child_name

Document = Mapping[str, Any]


class Store:
    """Pipelines by key, children by pipeline. For one event loop."""

    def __init__(self) -> None:
        self._pipelines: dict[PipelineKey, Document] = {}
        self._children: dict[PipelineKey, dict[ChildKey, Live]] = {}

    def pipelines(self) -> list[PipelineKey]:
        return list(self._pipelines)

    def pipeline(self, key: PipelineKey) -> Document | None:
        return self._pipelines.get(key)

    def children(self, key: PipelineKey) -> Mapping[ChildKey, Live]:
        """The children that bear the pipeline's label."""
        return self._children.get(key, {})

    def deployment(self, key: PipelineKey, component: Component) -> Live | None:
        """The Deployment of a component, unless it is being deleted."""
        found = self.children(key).get(ChildKey(DEPLOYMENT, key.namespace, child_name(key.name, component)))
        return found if found and not found.going else None

    def scaled_object(self, key: PipelineKey) -> Live | None:
        """The ScaledObject by which KEDA scales the workers, also one that is being deleted."""
        return self.children(key).get(ChildKey(SCALED_OBJECT, key.namespace, child_name(key.name, "worker")))

    def put_pipeline(self, document: Document) -> PipelineKey:
        metadata = document["metadata"]
        key = PipelineKey(metadata["namespace"], metadata["name"])
        before = self._pipelines.get(key)
        if before is None or not _older(document, before):
            self._pipelines[key] = _without_managed_fields(document)
        return key

    def drop_pipeline(self, key: PipelineKey) -> None:
        self._pipelines.pop(key, None)

    def put_child(self, kind: Kind, document: Document) -> PipelineKey:
        """The pipeline that it belongs to."""
        live = to_live(document)
        key = _child_key(kind, document)
        siblings = self._children.setdefault(live.pipeline, {})
        before = siblings.get(key)
        if before is None or before.uid != live.uid or not _older(document, before.document):
            siblings[key] = live
        return live.pipeline

    def drop_child(self, kind: Kind, document: Document) -> PipelineKey:
        """The pipeline that it belonged to. Another object that has come by its name meanwhile stays."""
        owner = to_live(document).pipeline
        key = _child_key(kind, document)
        siblings = self._children.get(owner, {})
        if key in siblings and siblings[key].uid == document["metadata"]["uid"]:
            del siblings[key]
        if not siblings:
            self._children.pop(owner, None)
        return owner

    def keep_pipelines(self, namespace: str | None, listed: Iterable[PipelineKey], version: str) -> None:
        """Forget those that a list of `version` no longer had."""
        present = set(listed)
        for key, document in list(self._pipelines.items()):
            covered = namespace in (None, key.namespace)
            if covered and key not in present and _version(document) <= int(version):
                self.drop_pipeline(key)

    def keep_children(
        self, kind: Kind, namespace: str | None, listed: Iterable[Document], version: str | None
    ) -> set[PipelineKey]:
        """Forget those of a kind that a list of `version` no longer had; None: whatever their version. The pipelines
        that they were of."""
        present = {_child_key(kind, each) for each in listed}
        lost = set()
        for siblings in list(self._children.values()):
            for key, live in list(siblings.items()):
                covered = key.kind == kind and namespace in (None, key.namespace)
                known = version is None or _version(live.document) <= int(version)
                if covered and key not in present and known:
                    lost.add(self.drop_child(kind, live.document))
        return lost

    def drop_namespace(self, namespace: str | None) -> set[PipelineKey]:
        """Forget everything in a namespace that is no longer looked after; the pipelines that were there."""
        gone = {key for key in self._pipelines if namespace in (None, key.namespace)}
        for key in [each for each in {*gone, *self._children} if namespace in (None, each.namespace)]:
            self._pipelines.pop(key, None)
            self._children.pop(key, None)
        return gone

    def note_replicas(self, key: PipelineKey, replicas: int) -> None:
        """What the scaler has just written, until the watch says it too."""
        live = self.deployment(key, "worker")
        if live is None:
            return
        document = {**live.document, "spec": {**live.document["spec"], "replicas": replicas}}
        self._children[key][_child_key(DEPLOYMENT, document)] = Live(document, frozenset({SCALER_FIELD_MANAGER}))


def _child_key(kind: Kind, document: Document) -> ChildKey:
    metadata = document["metadata"]
    return ChildKey(kind, metadata["namespace"], metadata["name"])


def _without_managed_fields(document: Document) -> Document:
    metadata = {key: value for key, value in document["metadata"].items() if key != "managedFields"}
    return {**document, "metadata": metadata}


def _version(document: Document) -> int:
    return int(document["metadata"]["resourceVersion"])


def _older(document: Document, than: Document) -> bool:
    same = document["metadata"]["uid"] == than["metadata"]["uid"]
    return same and _version(document) < _version(than)
