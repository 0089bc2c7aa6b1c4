"""What need not be done again for a pipeline while nothing of it has changed: parsing, building, comparing.

A resync looks at every pipeline, and nearly none has changed. Where spec, Secrets and every child's resourceVersion are
as they were when nothing was to be done, nothing is to be done. Specs are compared, not their generations: those begin
again where etcd is set back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from dcp_operator.children.children import Child
from dcp_operator.children.drift import digest
from dcp_operator.children.judge import Refusal, parsed, scaled_at_least
from dcp_operator.children.plan import ChildKey, Live
from dcp_operator.children.secret_refs import all_refs
from dcp_operator.ground.kinds import DEPLOYMENT
from dcp_operator.ground.names import PipelineKey
from dcp_pipeline.spec.model import Pipeline, SecretKeyRef

Versions = Mapping[str, str]


MOST_CHILDREN = 300
"""Pipelines whose children are kept as they were built: those that something happens to. 60 KB each."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A pipeline, or why it is none; and the Secrets' keys that it names."""

    uid: str
    spec: bytes
    """As it stands in the resource."""
    pipeline: Pipeline | Refusal
    refs: tuple[SecretKeyRef, ...]
    scaled: Pipeline | None = None
    """Of one that is refused, what its workers are still scaled by."""


@dataclass(frozen=True, slots=True)
class Built:
    """What the children of a pipeline are built from: a spec and a state of its Secrets."""

    of: Parsed
    versions: Versions
    build: Callable[[], tuple[Child, ...]]
    revision: str
    """Of what the pods are to run."""


@dataclass(slots=True)
class _Known:
    parsed: Parsed | None = None
    built: Built | None = None
    clean: tuple[Built, tuple[Live, ...]] | None = None


class Remembered:
    """For one event loop."""

    def __init__(self) -> None:
        self._known: dict[PipelineKey, _Known] = {}
        self._children: dict[PipelineKey, tuple[Built, tuple[Child, ...]]] = {}
        """The longest unused first."""

    def parsed(self, key: PipelineKey, resource: Mapping[str, Any]) -> Parsed:
        uid, spec = str(resource["metadata"]["uid"]), msgspec.json.encode(resource.get("spec"))
        known = self._known.setdefault(key, _Known())
        if known.parsed is None or (known.parsed.uid, known.parsed.spec) != (uid, spec):
            pipeline = parsed(resource)
            refs = () if isinstance(pipeline, Refusal) else all_refs(pipeline)
            scaled = scaled_at_least(resource) if isinstance(pipeline, Refusal) else None
            known.parsed = Parsed(uid, spec, pipeline, refs, scaled)
        return known.parsed

    def built(self, key: PipelineKey, of: Parsed, versions: Versions, build: Callable[[], tuple[Child, ...]]) -> Built:
        known = self._known.setdefault(key, _Known())
        if known.built is None or known.built.of is not of or known.built.versions != versions:
            children = build()
            known.built = Built(of, versions, build, revision_of(children))
            self._keep(key, known.built, children)
        return known.built

    def children(self, key: PipelineKey, built: Built) -> tuple[Child, ...]:
        """As built; built anew where that was long ago."""
        kept = self._children.get(key)
        children = kept[1] if kept is not None and kept[0] is built else built.build()
        self._keep(key, built, children)
        return children

    def revision(self, key: PipelineKey) -> str | None:
        """As last built."""
        known = self._known.get(key)
        return known.built.revision if known is not None and known.built is not None else None

    def is_clean(self, key: PipelineKey, built: Built, live: Mapping[ChildKey, Live]) -> bool:
        """Whether nothing was to be done when all was as it is now."""
        known = self._known.get(key)
        if known is None or known.clean is None or known.clean[0] is not built:
            return False
        was = known.clean[1]
        return len(was) == len(live) and all(live.get(each.key) is each for each in was)

    def found_clean(self, key: PipelineKey, built: Built, live: Mapping[ChildKey, Live]) -> None:
        self._known.setdefault(key, _Known()).clean = (built, tuple(live.values()))

    def forget(self, key: PipelineKey) -> None:
        self._known.pop(key, None)
        self._children.pop(key, None)

    def _keep(self, key: PipelineKey, built: Built, children: tuple[Child, ...]) -> None:
        self._children.pop(key, None)
        self._children[key] = (built, children)
        while len(self._children) > MOST_CHILDREN:
            del self._children[next(iter(self._children))]


def revision_of(children: Sequence[Child]) -> str:
    """Of what the pods are to run."""
    return digest([each.document["spec"]["template"] for each in children if each.kind == DEPLOYMENT])
