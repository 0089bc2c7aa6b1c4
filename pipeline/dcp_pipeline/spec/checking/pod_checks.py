"""`resources` and `podTemplate`: read into Kubernetes' own words, and what types cannot say. Pure.

A setting that the `restricted` Pod Security profile refuses would only fail later, in the ReplicaSet's events, or
succeed in a namespace that happens to be unguarded; a typo would be an answer of the API server about the Deployment,
or nothing at all. So they are refused here, by their paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from dcp_pipeline.spec.errors import Place, SpecProblem, path_of
from dcp_pipeline.spec.model import Spec
from dcp_pipeline.spec.problems import exactly_one

if TYPE_CHECKING:
    from decimal import Decimal

    from dcp_pipeline.spec.kubernetes.pod.containers import Container, Env, Mount
    from dcp_pipeline.spec.kubernetes.pod.template import PodTemplate, Resources
    from dcp_pipeline.spec.kubernetes.pod.volumes import Volume

Explain = Callable[[Any, type, Place, str], list[SpecProblem]]
"""Names what is wrong with a value of a type: parse.py's, which knows the schema."""

RESERVED_ENV = frozenset(
    {"DCP_SECRETS_DIR", "DCP_STATE_DIR", "HEALTH_HOST", "HEALTH_PORT", "WORKER_ID", "POLARS_MAX_THREADS"}
)
RESERVED_VOLUMES = frozenset({"spec", "secrets", "state", "tmp"})
RESERVED_LABELS = "app.kubernetes.io/"
RESERVED_PATHS = frozenset({"/etc/dcp", "/run/dcp/secrets"})
_STANDARD = frozenset({"cpu", "memory", "ephemeral-storage"})
_SUFFIXES = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def pod_problems(spec: Spec, explain: Explain) -> Iterator[SpecProblem]:
    """Everything in the two podTemplates and resources that cannot be used."""
    for component, part in (("fetcher", spec.fetcher), ("worker", spec.worker)):
        if not (part.resources or part.pod_template):
            continue  # the words of pods are only learnt where there are some
        from dcp_pipeline.spec.kubernetes.pod.template import PodTemplate, Resources

        place: Place = ("spec", component, "podTemplate")
        template = _read(part.pod_template, PodTemplate, place, explain)
        yield from _template(component, template, place) if isinstance(template, PodTemplate) else template
        place = ("spec", component, "resources")
        resources = _read(part.resources, Resources, place, explain)
        yield from _resources(resources, place) if isinstance(resources, Resources) else resources


def _read(value: Mapping[str, Any], wanted: type[Any], place: Place, explain: Explain) -> Any:
    try:
        return msgspec.convert(value, wanted)
    except (msgspec.ValidationError, ValueError) as error:
        return explain(value, wanted, place, str(error))


def _template(component: str, template: PodTemplate, place: Place) -> Iterator[SpecProblem]:
    for field, told in (("hostNetwork", template.host_network), ("hostPID", template.host_pid),
                        ("hostIPC", template.host_ipc)):  # fmt: skip
        if told:
            yield _at((*place, field), "is not allowed: the pod would be the node's")
    for key in template.labels:
        if key.startswith(RESERVED_LABELS):
            yield _at((*place, "labels"), f"{key!r} starts with {RESERVED_LABELS}, which is the operator's")
    yield from _security(template.security_context, (*place, "securityContext"))
    yield from _env(template.env, RESERVED_ENV, (*place, "env"))
    yield from _volumes(template.volumes, (*place, "volumes"))
    yield from _mounts(template.volume_mounts, (*place, "volumeMounts"))
    for each, field in ((template.containers, "containers"), (template.init_containers, "initContainers")):
        yield from _containers(component, each, (*place, field))
    yield from _twice([each.name for each in (*template.containers, *template.init_containers)], "name",
                      (*place, "containers"))  # fmt: skip
    aliases = [each.ip for each in template.host_aliases]
    yield from _twice(aliases, "ip", (*place, "hostAliases"))
    pairs = [(each.topology_key, each.when_unsatisfiable) for each in template.topology_spread_constraints]
    yield from _twice(pairs, "topologyKey", (*place, "topologySpreadConstraints"))


def _containers(component: str, containers: Sequence[Container], place: Place) -> Iterator[SpecProblem]:
    for index, each in enumerate(containers):
        here = (*place, index)
        if each.name == component:
            message = f"{component!r} is the operator's own container: use env, volumeMounts and resources"
            yield _at((*here, "name"), message)
        yield from _security(each.security_context, (*here, "securityContext"))
        yield from _env(each.env, frozenset(), (*here, "env"))
        yield from _twice([mount.mount_path for mount in each.volume_mounts], "mountPath", (*here, "volumeMounts"))
        ports = [(port.container_port, port.protocol or "TCP") for port in each.ports]
        yield from _twice(ports, "containerPort", (*here, "ports"))
        if each.resources is not None:
            yield from _resources(each.resources, (*here, "resources"))


def _security(context: Any, place: Place) -> Iterator[SpecProblem]:
    if context is None:
        return
    weak = (("runAsNonRoot", context.run_as_non_root, False),
            ("privileged", getattr(context, "privileged", False), True),
            ("allowPrivilegeEscalation", getattr(context, "allow_privilege_escalation", False), True))  # fmt: skip
    for field, found, refused in weak:
        if found is refused:
            told = str(found).lower()
            yield _at((*place, field), f"is {told}: it would weaken the pod's security, and is not allowed")


def _env(variables: Sequence[Env], reserved: frozenset[str], place: Place) -> Iterator[SpecProblem]:
    for index, each in enumerate(variables):
        if each.name in reserved:
            yield _at((*place, index, "name"), f"{each.name} is set by the operator")
        if each.value is not None and each.value_from is not None:
            yield _at((*place, index), "has both value and valueFrom; one is wanted")
    yield from _twice([each.name for each in variables], "name", place)


def _volumes(volumes: Sequence[Volume], place: Place) -> Iterator[SpecProblem]:
    from dcp_pipeline.spec.kubernetes.pod.volumes import SOURCES

    for index, each in enumerate(volumes):
        if each.name in RESERVED_VOLUMES:
            yield _at((*place, index, "name"), f"{each.name!r} is a volume of the operator's own")
        yield from exactly_one(each, SOURCES, (*place, index))
    yield from _twice([each.name for each in volumes], "name", place)


def _mounts(mounts: Sequence[Mount], place: Place) -> Iterator[SpecProblem]:
    for index, each in enumerate(mounts):
        if each.mount_path.rstrip("/") in RESERVED_PATHS:
            yield _at((*place, index, "mountPath"), f"{each.mount_path} is the operator's own")
    yield from _twice([each.mount_path for each in mounts], "mountPath", place)


def _resources(resources: Resources, place: Place) -> Iterator[SpecProblem]:
    for field, amounts in (("requests", resources.requests), ("limits", resources.limits)):
        for name in amounts:
            if name not in _STANDARD and "/" not in name and not name.startswith("hugepages-"):
                yield _at(
                    (*place, field, name), f"is no resource; known: {', '.join(sorted(_STANDARD))}, or DOMAIN/NAME"
                )
    for name, request in resources.requests.items():
        limit = resources.limits.get(name)
        if limit is not None and amount(request) > amount(limit):
            yield _at((*place, "requests", name), f"is {request}, above its limit of {limit}")


def amount(quantity: str | int) -> Decimal:
    """A quantity of Kubernetes' as a number. To be called for those that fit the pattern."""
    from decimal import Decimal

    text = str(quantity)
    if text.endswith("i"):
        return Decimal(text[:-2]) * Decimal(1024) ** ("KMGTPE".index(text[-2]) + 1)
    if text[-1] in _SUFFIXES:
        return Decimal(text[:-1]).scaleb(_SUFFIXES[text[-1]])
    return Decimal(text)


def _twice(keys: list[Any], field: str, place: Place) -> Iterator[SpecProblem]:
    """The API server would take the last one, or refuse all."""
    seen: set[Any] = set()
    for index, each in enumerate(keys):
        if each in seen:
            shown = " ".join(map(str, each)) if isinstance(each, tuple) else each
            yield _at((*place, index, field), f"{shown!r} stands here twice")
        seen.add(each)


def _at(place: Place, message: str) -> SpecProblem:
    return SpecProblem(path_of(place), message)
