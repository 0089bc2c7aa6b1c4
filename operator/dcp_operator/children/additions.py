"""What `spec.<component>.podTemplate` adds, by where in the pod it belongs. What it may say is checked with the spec
(dcp_pipeline/spec/checking/pod_checks.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dcp_operator.ground.names import Component
from dcp_pipeline.spec.model import Fetcher, Pipeline, Worker

_METADATA = frozenset({"annotations", "labels"})
_CONTAINER = frozenset({"env", "envFrom", "volumeMounts"})


@dataclass(frozen=True)
class Additions:
    """A pod template's additions, by where in the pod they belong."""

    metadata: Mapping[str, Any]
    container: Mapping[str, Any]
    pod: Mapping[str, Any]


def part_of(pipeline: Pipeline, component: Component) -> Fetcher | Worker:
    """What the spec says of a component."""
    return pipeline.spec.fetcher if component == "fetcher" else pipeline.spec.worker


def additions_of(pipeline: Pipeline, component: Component) -> Additions:
    """The additions that the spec makes to a component's pod."""
    template = part_of(pipeline, component).pod_template
    pod = template.keys() - _METADATA - _CONTAINER
    return Additions(
        *({key: template[key] for key in template if key in keys} for keys in (_METADATA, _CONTAINER, pod))
    )
