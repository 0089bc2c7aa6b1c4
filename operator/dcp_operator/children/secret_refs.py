"""Which Secrets a pipeline's pods need: each component only those that it uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec

from dcp_operator.ground.names import Component
from dcp_pipeline.spec.model import Pipeline, SecretKeyRef, Tls

_Wanted = TypeVar("_Wanted")


def refs_of(pipeline: Pipeline, component: Component) -> tuple[SecretKeyRef, ...]:
    """The references that a component resolves, each once, sorted: both reach queue and sink, the fetcher alone
    the sources, workers alone the keys of transforms."""
    spec = pipeline.spec
    own = spec.sources if component == "fetcher" else spec.cleaning
    parts: tuple[object, ...] = (spec.queue, spec.sink, own)
    return tuple(sorted(set(_walk(parts, SecretKeyRef)), key=lambda ref: (ref.name, ref.key)))


def read_at_start(pipeline: Pipeline, component: Component) -> tuple[SecretKeyRef, ...]:
    """Those whose value a running pod does not take in by itself. Passwords and the credentials of sources are read at
    each connection; what TLS and the keys of transforms are made of is read once."""
    refs = refs_of(pipeline, component)
    if pipeline.spec.rotation == "Restart":
        return refs
    own = pipeline.spec.sources if component == "fetcher" else pipeline.spec.cleaning
    tls = tuple(_walk((pipeline.spec.queue, pipeline.spec.sink, own), Tls))
    once = set(_walk((tls, pipeline.spec.cleaning), SecretKeyRef))
    return tuple(each for each in refs if each in once)


def versions_at_start(pipeline: Pipeline, component: Component, versions: Mapping[str, str]) -> dict[str, str]:
    """Of the versions (SECRET/KEY -> a digest) those of read_at_start()."""
    used = [f"{ref.name}/{ref.key}" for ref in read_at_start(pipeline, component)]
    return {each: versions[each] for each in used}


def all_refs(pipeline: Pipeline) -> tuple[SecretKeyRef, ...]:
    """Those of both components."""
    both = {*refs_of(pipeline, "fetcher"), *refs_of(pipeline, "worker")}
    return tuple(sorted(both, key=lambda ref: (ref.name, ref.key)))


def forgetting_refs(pipeline: Pipeline) -> tuple[SecretKeyRef, ...]:
    """Those by which its queue and its ledger are reached."""
    found = set(_walk((pipeline.spec.queue, pipeline.spec.sink), SecretKeyRef))
    return tuple(sorted(found, key=lambda ref: (ref.name, ref.key)))


def queue_refs(pipeline: Pipeline) -> tuple[SecretKeyRef, ...]:
    """Those by which its queue is reached."""
    return tuple(_walk(pipeline.spec.queue, SecretKeyRef))


def keys_by_secret(refs: tuple[SecretKeyRef, ...]) -> dict[str, list[str]]:
    """Secret's name -> the keys needed of it."""
    grouped: dict[str, list[str]] = {}
    for ref in refs:
        grouped.setdefault(ref.name, []).append(ref.key)
    return grouped


def _walk(part: object, wanted: type[_Wanted]) -> Iterator[_Wanted]:
    """The parts of that type, wherever they stand."""
    if isinstance(part, wanted):
        yield part
    elif isinstance(part, tuple):
        for each in part:
            yield from _walk(each, wanted)
    elif isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            yield from _walk(getattr(part, name), wanted)
