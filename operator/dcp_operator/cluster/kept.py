"""What the parts have listed and watched goes into the store, and the pipelines that it concerns are marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from dcp_operator.cluster.answers import Document, Sent
from dcp_operator.cluster.store import Store
from dcp_operator.ground.kinds import Kind
from dcp_operator.ground.names import PipelineKey


class Mark(Protocol):
    """Told of a pipeline that is to be looked after; `at_leisure` where nothing is known to have happened."""

    def __call__(self, key: PipelineKey, at_leisure: bool = False, /) -> None: ...


class KeptPipelines:
    """Every list has all of them reconciled; an event those that a person has changed."""

    def __init__(self, store: Store, mark: Mark, namespace: str | None) -> None:
        self._store, self._mark, self._namespace = store, mark, namespace

    def listed(self, objects: Sequence[Sent], version: str, set_back: bool) -> None:
        before = {key for key in self._store.pipelines() if self._namespace in (None, key.namespace)}
        if set_back:
            for key in before:
                self._store.drop_pipeline(key)
        known, new = set[PipelineKey](), set[PipelineKey]()
        for each in objects:
            if (same := self._store.knows_pipeline(each)) is not None:
                known.add(same)
            else:
                new.add(self._store.put_pipeline(each.document))
        self._store.keep_pipelines(self._namespace, known | new, version)
        for key in (before | new) - known:
            self._mark(key)
        for key in known:
            self._mark(key, True)

    def happened(self, type: str, document: Document) -> None:
        metadata = document["metadata"]
        key = PipelineKey(metadata["namespace"], metadata["name"])
        before = self._store.pipeline(key)
        if type == "DELETED":
            if before is not None and before["metadata"]["uid"] == metadata["uid"]:
                self._store.drop_pipeline(key)
            self._mark(key)
            return
        self._store.put_pipeline(document)
        if before is None or _worth_a_look(document) != _worth_a_look(before):
            self._mark(key)


def _worth_a_look(document: Any) -> tuple[Any, ...]:
    """What changes when a person changes a pipeline: our own writes of its status come back too."""
    metadata = document["metadata"]
    return metadata["uid"], metadata.get("generation"), metadata.get("deletionTimestamp"), metadata.get("annotations")


class KeptChildren:
    """The pipeline of whatever has changed is marked."""

    def __init__(self, kind: Kind, store: Store, mark: Mark, namespace: str | None) -> None:
        self._kind, self._store, self._mark, self._namespace = kind, store, mark, namespace

    def listed(self, objects: Sequence[Sent], version: str, set_back: bool) -> None:
        if set_back:
            for key in self._store.keep_children(self._kind, self._namespace, (), None):
                self._mark(key)
        for each in objects:
            if not self._store.knows_child(each):
                self._store.put_child(self._kind, each.document)
        names = {(each.head.namespace, each.head.name) for each in objects}
        for key in self._store.keep_children(self._kind, self._namespace, names, version):
            self._mark(key)

    def happened(self, type: str, document: Document) -> None:
        gone = type == "DELETED"
        self._mark((self._store.drop_child if gone else self._store.put_child)(self._kind, document))


class KeptNamespaces:
    """The names of the namespaces that there are."""

    def __init__(self, changed: Callable[[frozenset[str]], None]) -> None:
        self._names: set[str] = set()
        self._changed = changed

    def listed(self, objects: Sequence[Sent], version: str, set_back: bool) -> None:
        self._names = {each.head.name for each in objects}
        self._changed(frozenset(self._names))

    def happened(self, type: str, document: Document) -> None:
        name = str(document["metadata"]["name"])
        before = set(self._names)
        (self._names.discard if type == "DELETED" else self._names.add)(name)
        if self._names != before:
            self._changed(frozenset(self._names))
