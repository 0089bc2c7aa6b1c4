"""On which nodes a pod runs: affinity, tolerations, spread. Kubernetes' own words."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from dcp_pipeline.spec.kubernetes.pod.shared import LabelSelector, Requirement, Text
from dcp_pipeline.spec.part import Part

_Weight = Annotated[int, Meta(ge=1, le=100, description="How much it counts.")]


class NodeRequirement(Requirement, frozen=True):
    """What a node's label or field has to be."""

    operator: Annotated[  # type: ignore[assignment]
        Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"], Meta(description="How it is compared.")
    ]


class NodeTerm(Part, frozen=True):
    """A node that fits: all of these hold."""

    match_expressions: Annotated[tuple[NodeRequirement, ...], Meta(description="Of its labels.")] = ()
    match_fields: Annotated[tuple[NodeRequirement, ...], Meta(description="Of its fields.")] = ()


class NodeSelector(Part, frozen=True):
    """Which nodes."""

    node_selector_terms: Annotated[tuple[NodeTerm, ...], Meta(description="One of them is enough.")]


class PreferredNode(Part, frozen=True):
    """Which nodes are better."""

    weight: _Weight
    preference: Annotated[NodeTerm, Meta(description="The nodes.")]


class NodeAffinity(Part, frozen=True):
    """To nodes."""

    required: Annotated[NodeSelector | None, Meta(description="Only these.")] = msgspec.field(
        default=None, name="requiredDuringSchedulingIgnoredDuringExecution"
    )
    preferred: Annotated[tuple[PreferredNode, ...], Meta(description="Rather these.")] = msgspec.field(
        default=(), name="preferredDuringSchedulingIgnoredDuringExecution"
    )


class PodTerm(Part, frozen=True):
    """Pods, and within which part of the cluster."""

    topology_key: Annotated[Text, Meta(description="The node's label that says which part.")]
    label_selector: Annotated[LabelSelector | None, Meta(description="The pods.")] = None
    namespaces: Annotated[tuple[Text, ...], Meta(description="Where they are; here where nothing is said.")] = ()
    namespace_selector: Annotated[LabelSelector | None, Meta(description="Or by namespaces' labels.")] = None
    match_label_keys: Annotated[tuple[Text, ...], Meta(description="Labels that have to be as this pod's.")] = ()
    mismatch_label_keys: Annotated[tuple[Text, ...], Meta(description="Labels that must not be as this pod's.")] = ()


class PreferredPod(Part, frozen=True):
    """Which pods' company is sought or shunned, if it can be had."""

    weight: _Weight
    pod_affinity_term: Annotated[PodTerm, Meta(description="The pods.")]


class PodAffinity(Part, frozen=True):
    """To other pods, or away from them."""

    required: Annotated[tuple[PodTerm, ...], Meta(description="Has to be.")] = msgspec.field(
        default=(), name="requiredDuringSchedulingIgnoredDuringExecution"
    )
    preferred: Annotated[tuple[PreferredPod, ...], Meta(description="Is better.")] = msgspec.field(
        default=(), name="preferredDuringSchedulingIgnoredDuringExecution"
    )


class Affinity(Part, frozen=True):
    """Which nodes, and beside which pods."""

    node_affinity: Annotated[NodeAffinity | None, Meta(description="To nodes.")] = None
    pod_affinity: Annotated[PodAffinity | None, Meta(description="To other pods.")] = None
    pod_anti_affinity: Annotated[PodAffinity | None, Meta(description="Away from other pods.")] = None


class Toleration(Part, frozen=True):
    """A taint of nodes that the pod puts up with."""

    key: Annotated[Text | None, Meta(description="The taint; all with operator Exists.")] = None
    operator: Annotated[Literal["Equal", "Exists"] | None, Meta(description="Equal where nothing is said.")] = None
    value: Annotated[Text | None, Meta(description="For Equal.")] = None
    effect: Annotated[
        Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None, Meta(description="All where nothing is said.")
    ] = None
    toleration_seconds: Annotated[int | None, Meta(description="For NoExecute: how long.")] = None


class Spread(Part, frozen=True):
    """How pods are spread over the parts of the cluster."""

    topology_key: Annotated[Text, Meta(description="The node's label that says which part.")]
    max_skew: Annotated[int, Meta(description="By how many pods parts may differ.", ge=1)]
    when_unsatisfiable: Annotated[Literal["DoNotSchedule", "ScheduleAnyway"], Meta(description="If it cannot be.")]
    label_selector: Annotated[LabelSelector | None, Meta(description="Which pods count.")] = None
    match_label_keys: Annotated[tuple[Text, ...], Meta(description="Labels that have to be as this pod's.")] = ()
    min_domains: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="Least parts.")] = None
    node_affinity_policy: Annotated[
        Literal["Honor", "Ignore"] | None, Meta(description="Whether nodes out of reach count.")
    ] = None
    node_taints_policy: Annotated[
        Literal["Honor", "Ignore"] | None, Meta(description="Whether tainted nodes count.")
    ] = None
