"""The spec that pods run: what a running pod cannot take in, without what is said by default. Pure.

It is named by its digest and never changes: an old pod keeps its own to its end, and a pod that starts while a change
is on its way out gets the one that its template names. What defaults say is left out, so that a release that learns a
new word renews no pod by it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from dcp_operator.ground.names import child_name
from dcp_pipeline.spec.model import API_VERSION, Pipeline

NOT_RUN = frozenset({"paused", "state", "scaling", "rotation", "deletionPolicy"})
"""What is done from outside of the pods: by the operator."""
NOT_RUN_OF_A_COMPONENT = frozenset({"resources", "podTemplate", "image", "serviceAccountAnnotations"})


def spec_text(pipeline: Pipeline) -> str:
    """The pipeline as pods read it: compact JSON, which they read sooner than YAML."""
    spec = {key: value for key, value in lean(pipeline.spec).items() if key not in NOT_RUN}
    for component in ("fetcher", "worker"):
        part = {key: value for key, value in spec.pop(component, {}).items() if key not in NOT_RUN_OF_A_COMPONENT}
        if part:
            spec[component] = part
    metadata = {"name": pipeline.metadata.name, "namespace": pipeline.metadata.namespace}
    document = {"apiVersion": API_VERSION, "kind": pipeline.kind, "metadata": metadata, "spec": spec}
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def spec_name(pipeline: Pipeline) -> str:
    """The name of the ConfigMap that holds it."""
    digest = hashlib.blake2b(spec_text(pipeline).encode(), digest_size=5).hexdigest()
    return child_name(pipeline.metadata.name, f"spec-{digest}")


def lean(part: msgspec.Struct) -> dict[str, Any]:
    """The part as it would be written by somebody who knows every default."""
    found = {}
    for name, encoded, default in _fields(type(part)):
        value = getattr(part, name)
        if value != default or type(value) is not type(default):
            found[encoded] = _lean(value)
    return found


@cache
def _fields(part: type[msgspec.Struct]) -> tuple[tuple[str, str, Any], ...]:
    """(name, as it is written, default) of each field. To ask msgspec costs milliseconds a part, each time."""
    return tuple(
        (each.name, each.encode_name,
         each.default if each.default_factory is msgspec.NODEFAULT else each.default_factory())
        for each in msgspec.structs.fields(part)
    )  # fmt: skip


def _lean(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return lean(value)
    if isinstance(value, tuple | list):
        return [_lean(each) for each in value]
    if isinstance(value, Mapping):
        return {key: _lean(each) for key, each in value.items()}
    return msgspec.to_builtins(value, enc_hook=str)
