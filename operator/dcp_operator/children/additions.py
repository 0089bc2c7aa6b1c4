"""What `spec.<component>.podTemplate` and `.resources` may say: they add to the pod and never weaken it.

A setting that the `restricted` Pod Security profile refuses would only fail later, in the ReplicaSet's events, or
succeed in a namespace that happens to be unguarded; so it is refused here, with the field's path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dcp_operator.ground.names import Component
from dcp_pipeline.spec.errors import SpecProblem, path_of
from dcp_pipeline.spec.model import Fetcher, Pipeline, Worker

Place = tuple[str | int, ...]

METADATA_FIELDS: Mapping[str, type] = {"annotations": dict, "labels": dict}
CONTAINER_FIELDS: Mapping[str, type] = {"env": list, "envFrom": list, "volumeMounts": list}
POD_FIELDS: Mapping[str, type] = {
    "affinity": dict,
    "containers": list,
    "dnsConfig": dict,
    "dnsPolicy": str,
    "hostAliases": list,
    "imagePullSecrets": list,
    "initContainers": list,
    "nodeSelector": dict,
    "preemptionPolicy": str,
    "priorityClassName": str,
    "runtimeClassName": str,
    "schedulerName": str,
    "securityContext": dict,
    "serviceAccountName": str,
    "terminationGracePeriodSeconds": int,
    "tolerations": list,
    "topologySpreadConstraints": list,
    "volumes": list,
}
FIELDS: Mapping[str, type] = {**METADATA_FIELDS, **CONTAINER_FIELDS, **POD_FIELDS}

RESERVED_ENV = frozenset(
    {"DCP_SECRETS_DIR", "DCP_STATE_DIR", "HEALTH_HOST", "HEALTH_PORT", "WORKER_ID", "POLARS_MAX_THREADS"}
)
RESERVED_VOLUMES = frozenset({"spec", "secrets", "state", "tmp"})
RESERVED_LABELS = "app.kubernetes.io/"


@dataclass(frozen=True)
class Additions:
    """A pod template's additions, by where in the pod they belong."""

    metadata: Mapping[str, Any]
    container: Mapping[str, Any]
    pod: Mapping[str, Any]


def additions_of(template: Mapping[str, Any]) -> Additions:
    """The additions, sorted into their places. To be called for templates without problems."""

    def part(fields: Mapping[str, type]) -> dict[str, Any]:
        return {key: value for key, value in template.items() if key in fields}

    return Additions(part(METADATA_FIELDS), part(CONTAINER_FIELDS), part(POD_FIELDS))


def problems_of_additions(pipeline: Pipeline) -> list[SpecProblem]:
    """Everything in the two podTemplates and resources that cannot be used."""
    settings: dict[str, Fetcher | Worker] = {"fetcher": pipeline.spec.fetcher, "worker": pipeline.spec.worker}
    return [
        problem
        for component, part in settings.items()
        for problem in (
            *_template(component, part.pod_template, ("spec", component, "podTemplate")),
            *_resources(part.resources, ("spec", component, "resources")),
        )
    ]


def _template(component: str, template: Mapping[str, Any], place: Place) -> Iterator[SpecProblem]:
    for key, value in template.items():
        wanted = FIELDS.get(key)
        if wanted is None:
            yield _at((*place, key), f"cannot be added to the pod; possible: {', '.join(sorted(FIELDS))}")
        elif not isinstance(value, wanted):
            yield _at((*place, key), f"is a {type(value).__name__}; a {wanted.__name__} is wanted")
        elif wanted is list and (bad := _not_mappings(value)):
            yield _at((*place, key, bad[0]), "is no mapping")
        else:
            check = _CHECKS.get(key)
            yield from check(value, (*place, key)) if check else ()
    for index, each in enumerate(_mappings(template.get("containers"))):
        if each.get("name") == component:
            message = f"{component!r} is the operator's own container: use env, volumeMounts and resources"
            yield _at((*place, "containers", index, "name"), message)


def _pod_security(context: Mapping[str, Any], place: Place) -> Iterator[SpecProblem]:
    weak: tuple[tuple[Place, Any, Any], ...] = (
        (("runAsNonRoot",), context.get("runAsNonRoot"), False),
        (("runAsUser",), context.get("runAsUser"), 0),
        (("privileged",), context.get("privileged"), True),
        (("allowPrivilegeEscalation",), context.get("allowPrivilegeEscalation"), True),
        (("seccompProfile", "type"), _mapping(context.get("seccompProfile")).get("type"), "Unconfined"),
        (("capabilities", "add"), bool(_mapping(context.get("capabilities")).get("add")), True),
    )
    for below, found, refused in weak:
        if found is not None and found == refused:
            yield _at((*place, *below), f"is {found}: it would weaken the pod's security, and is not allowed")


def _containers(containers: list[Any], place: Place) -> Iterator[SpecProblem]:
    for index, each in enumerate(containers):
        yield from _pod_security(_mapping(each.get("securityContext")), (*place, index, "securityContext"))


def _volumes(volumes: list[Any], place: Place) -> Iterator[SpecProblem]:
    for index, each in enumerate(volumes):
        if each.get("name") in RESERVED_VOLUMES:
            yield _at((*place, index, "name"), f"{each['name']!r} is a volume of the operator's own")
        if "hostPath" in each:
            yield _at((*place, index, "hostPath"), "would reach into the node; it is not allowed")


def _env(variables: list[Any], place: Place) -> Iterator[SpecProblem]:
    for index, each in enumerate(variables):
        if each.get("name") in RESERVED_ENV:
            yield _at((*place, index, "name"), f"{each['name']} is set by the operator")


def _labels(labels: Mapping[str, Any], place: Place) -> Iterator[SpecProblem]:
    for key in labels:
        if key.startswith(RESERVED_LABELS):
            yield _at(place, f"{key!r} starts with {RESERVED_LABELS}, which is the operator's")


_CHECKS: Mapping[str, Callable[[Any, Place], Iterator[SpecProblem]]] = {
    "securityContext": _pod_security,
    "containers": _containers,
    "initContainers": _containers,
    "volumes": _volumes,
    "env": _env,
    "labels": _labels,
}


def _resources(resources: Mapping[str, Any], place: Place) -> Iterator[SpecProblem]:
    for key, value in resources.items():
        if key not in ("requests", "limits"):
            yield _at((*place, key), "is not a known field; known here: limits, requests")
        elif not isinstance(value, Mapping):
            yield _at((*place, key), "is no mapping of resource to quantity")


def _not_mappings(items: Any) -> list[int]:
    return [index for index, each in enumerate(items) if not isinstance(each, Mapping)]


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _at(place: Place, message: str) -> SpecProblem:
    return SpecProblem(path_of(place), message)


def component_template(pipeline: Pipeline, component: Component) -> Mapping[str, Any]:
    """The additions that the spec makes to a component's pod."""
    part = pipeline.spec.fetcher if component == "fetcher" else pipeline.spec.worker
    return part.pod_template
