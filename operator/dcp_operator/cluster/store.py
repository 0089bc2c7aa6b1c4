"""What the operator knows of the cluster: pipelines and their children, fed by the watches and by every resync.

A view, not a source of truth: it may be seconds old, and everything done because of it is idempotent. The newer of
two versions of an object stays, in whichever order they arrive; of the same version what is here already, so that who
remembers it sees by `is` that nothing has changed. Documents are kept as text (ADR 104).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from dcp_operator.children.plan import ChildKey, Live, to_live
from dcp_operator.cluster.answers import Document, Sent
from dcp_operator.ground.kinds import DEPLOYMENT, SCALED_OBJECT, Kind
from dcp_operator.ground.names import SCALER_FIELD_MANAGER, Component, PipelineKey, child_name


class _Pipeline(msgspec.Struct, frozen=True, gc=False):
    uid: str
    version: int
    text: bytes
    going: bool
    """Whether it is being deleted."""


class Store:
    """Pipelines by key, children by pipeline. For one event loop."""

    def __init__(self) -> None:
        self._pipelines: dict[PipelineKey, _Pipeline] = {}
        self._children: dict[PipelineKey, dict[ChildKey, Live]] = {}
        self._places: dict[Kind, dict[str, dict[str, Live]]] = {}
        """The same children by kind, namespace and name."""

    def pipelines(self) -> list[PipelineKey]:
        return list(self._pipelines)

    def deleted(self) -> list[PipelineKey]:
        """Those that are being deleted. Also for the thread that answers /metrics: the list is made at one go."""
        return [key for key, each in list(self._pipelines.items()) if each.going]

    def pipeline(self, key: PipelineKey) -> Document | None:
        """Without its managedFields, read from the text each time."""
        found = self._pipelines.get(key)
        return msgspec.json.decode(found.text) if found is not None else None

    def children(self, key: PipelineKey) -> Mapping[ChildKey, Live]:
        """The children that bear the pipeline's label."""
        return self._children.get(key, {})

    def deployment(self, key: PipelineKey, component: Component) -> Live | None:
        """The Deployment of a component, unless it is being deleted."""
        found = self._child(DEPLOYMENT, key, component)
        return found if found and not found.going else None

    def scaled_object(self, key: PipelineKey) -> Live | None:
        """The ScaledObject by which KEDA scales the workers, also one that is being deleted."""
        return self._child(SCALED_OBJECT, key, "worker")

    def knows_pipeline(self, sent: Sent) -> PipelineKey | None:
        """The pipeline that it is, where this very version of it is here."""
        key = PipelineKey(sent.head.namespace, sent.head.name)
        before = self._pipelines.get(key)
        same = before is not None and (before.uid, before.version) == (sent.head.uid, int(sent.head.resource_version))
        return key if same else None

    def put_pipeline(self, document: Document) -> PipelineKey:
        metadata = document["metadata"]
        key = PipelineKey(metadata["namespace"], metadata["name"])
        uid, version = str(metadata["uid"]), int(metadata["resourceVersion"])
        before = self._pipelines.get(key)
        if before is None or before.uid != uid or before.version < version:
            kept = {name: value for name, value in metadata.items() if name != "managedFields"}
            text = msgspec.json.encode({**document, "metadata": kept})
            self._pipelines[key] = _Pipeline(uid, version, text, "deletionTimestamp" in metadata)
        return key

    def drop_pipeline(self, key: PipelineKey) -> None:
        self._pipelines.pop(key, None)

    def knows_child(self, sent: Sent) -> bool:
        """Whether this very version of it is here."""
        before = self._placed(sent.kind, sent.head.namespace, sent.head.name)
        return before is not None and before.uid == sent.head.uid and before.version == int(sent.head.resource_version)

    def put_child(self, kind: Kind, document: Document) -> PipelineKey:
        """The pipeline that it belongs to."""
        live = to_live(kind, document)
        before = self._before(live)
        if before is None or before.uid != live.uid or before.version < live.version:
            self._put(live)
        return live.pipeline

    def drop_child(self, kind: Kind, document: Document) -> PipelineKey:
        """The pipeline that it belonged to. Another object that has come by its name meanwhile stays."""
        live = to_live(kind, document)
        before = self._before(live)
        if before is not None and before.uid == live.uid:
            self._drop(before)
        return live.pipeline

    def keep_pipelines(self, namespace: str | None, listed: Iterable[PipelineKey], version: str) -> None:
        """Forget those that a list of `version` no longer had."""
        present = set(listed)
        for key, kept in list(self._pipelines.items()):
            covered = namespace in (None, key.namespace)
            if covered and key not in present and kept.version <= int(version):
                self.drop_pipeline(key)

    def keep_children(
        self, kind: Kind, namespace: str | None, listed: Collection[tuple[str, str]], version: str | None
    ) -> set[PipelineKey]:
        """Forget those of a kind that a list of `version` no longer had, by namespace and name; None: whatever their
        version. The pipelines that they were of."""
        lost = [
            live
            for live in self._within(kind, namespace)
            if (live.key.namespace, live.key.name) not in listed and (version is None or live.version <= int(version))
        ]
        for live in lost:
            self._drop(live)
        return {live.pipeline for live in lost}

    def drop_namespace(self, namespace: str | None) -> set[PipelineKey]:
        """Forget everything in a namespace that is no longer looked after; the pipelines that were there."""
        gone = {key for key in self._pipelines if namespace in (None, key.namespace)}
        for key in gone:
            self.drop_pipeline(key)
        for kind in self._places:
            for live in list(self._within(kind, namespace)):
                self._drop(live)
        return gone

    def note_replicas(self, key: PipelineKey, replicas: int) -> None:
        """What the scaler has just written, until the watch says it too."""
        live = self.deployment(key, "worker")
        if live is not None:
            self._put(live.with_replicas(replicas, frozenset({SCALER_FIELD_MANAGER})))

    def _child(self, kind: Kind, key: PipelineKey, component: Component) -> Live | None:
        found = self._placed(kind, key.namespace, child_name(key.name, component))
        return found if found is not None and found.pipeline == key else None

    def _placed(self, kind: Kind, namespace: str, name: str) -> Live | None:
        return self._places.get(kind, {}).get(namespace, {}).get(name)

    def _before(self, live: Live) -> Live | None:
        """What is here by its name."""
        return self._placed(live.key.kind, live.key.namespace, live.key.name)

    def _within(self, kind: Kind, namespace: str | None) -> Iterator[Live]:
        places = self._places.get(kind, {})
        for name in places if namespace is None else (namespace,):
            yield from places.get(name, {}).values()

    def _put(self, live: Live) -> None:
        if (before := self._before(live)) is not None and before.pipeline != live.pipeline:
            self._drop(before)  # its label was changed by hand
        self._places.setdefault(live.key.kind, {}).setdefault(live.key.namespace, {})[live.key.name] = live
        self._children.setdefault(live.pipeline, {})[live.key] = live

    def _drop(self, live: Live) -> None:
        places, siblings = self._places[live.key.kind], self._children[live.pipeline]
        del places[live.key.namespace][live.key.name], siblings[live.key]
        if not places[live.key.namespace]:
            del places[live.key.namespace]
        if not siblings:
            del self._children[live.pipeline]
