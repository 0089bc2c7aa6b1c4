"""Which Secrets a pipeline's pods need: each component only those that it uses."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from dcp_operator.ground.names import Component
from dcp_pipeline.spec.model import Pipeline, SecretKeyRef


def refs_of(pipeline: Pipeline, component: Component) -> tuple[SecretKeyRef, ...]:
    """The references that a component resolves, each once, sorted: both reach queue and sink, the fetcher alone
    the sources, workers alone the keys of transforms."""
    spec = pipeline.spec
    own = spec.sources if component == "fetcher" else spec.cleaning
    parts: tuple[object, ...] = (spec.queue, spec.sink, own)
    return tuple(sorted(set(_walk(parts)), key=lambda ref: (ref.name, ref.key)))


def all_refs(pipeline: Pipeline) -> tuple[SecretKeyRef, ...]:
    """Those of both components."""
    both = {*refs_of(pipeline, "fetcher"), *refs_of(pipeline, "worker")}
    return tuple(sorted(both, key=lambda ref: (ref.name, ref.key)))


def keys_by_secret(refs: tuple[SecretKeyRef, ...]) -> dict[str, list[str]]:
    """Secret's name -> the keys needed of it."""
    grouped: dict[str, list[str]] = {}
    for ref in refs:
        grouped.setdefault(ref.name, []).append(ref.key)
    return grouped


def _walk(part: object) -> Iterator[SecretKeyRef]:
    if isinstance(part, SecretKeyRef):
        yield part
    elif isinstance(part, tuple):
        for each in part:
            yield from _walk(each)
    elif isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            yield from _walk(getattr(part, name))
