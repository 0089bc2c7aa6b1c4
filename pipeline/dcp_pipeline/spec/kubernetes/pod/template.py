"""spec.fetcher.podTemplate and spec.worker.podTemplate: what is added to the pod. It is flat."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from dcp_pipeline.spec.kubernetes.pod.containers import Container, Env, EnvFrom, Mount
from dcp_pipeline.spec.kubernetes.pod.containers import Resources as Resources
from dcp_pipeline.spec.kubernetes.pod.placement import Affinity, Spread, Toleration
from dcp_pipeline.spec.kubernetes.pod.security import PodSecurity
from dcp_pipeline.spec.kubernetes.pod.shared import NEVER, PullSecret, Text, Texts
from dcp_pipeline.spec.kubernetes.pod.volumes import Volume
from dcp_pipeline.spec.part import Part


class DnsOption(Part, frozen=True):
    """An option of the resolver."""

    name: Annotated[Text, Meta(description="Its name.")]
    value: Annotated[Text | None, Meta(description="Its value.")] = None


class DnsConfig(Part, frozen=True):
    """How names are looked up, beside what dnsPolicy says."""

    nameservers: Annotated[tuple[Text, ...], Meta(description="Addresses of servers.")] = ()
    searches: Annotated[tuple[Text, ...], Meta(description="Domains that are tried.")] = ()
    options: Annotated[tuple[DnsOption, ...], Meta(description="Options.")] = ()


class HostAlias(Part, frozen=True):
    """Names of an address, in the pod's /etc/hosts."""

    ip: Annotated[Text, Meta(description="The address.")]
    hostnames: Annotated[tuple[Text, ...], Meta(description="Its names.")] = ()


class PodTemplate(Part, frozen=True):
    """Additions to the pod. Lists are merged by Kubernetes' own keys; nothing may weaken the pod."""

    annotations: Annotated[Texts, Meta(description="Of the pod.")] = {}
    labels: Annotated[Texts, Meta(description="Of the pod.")] = {}
    env: Annotated[tuple[Env, ...], Meta(description="Variables of our container.")] = ()
    env_from: Annotated[tuple[EnvFrom, ...], Meta(description="Variables, of ConfigMaps and Secrets.")] = ()
    volume_mounts: Annotated[tuple[Mount, ...], Meta(description="Mounts in our container.")] = ()
    volumes: Annotated[tuple[Volume, ...], Meta(description="Volumes.")] = ()
    containers: Annotated[tuple[Container, ...], Meta(description="Containers beside ours.")] = ()
    init_containers: Annotated[tuple[Container, ...], Meta(description="Containers before ours; sidecars.")] = ()
    affinity: Annotated[Affinity | None, Meta(description="Which nodes, and beside which pods.")] = None
    node_selector: Annotated[Texts, Meta(description="Labels that a node must have.")] = {}
    tolerations: Annotated[tuple[Toleration, ...], Meta(description="Taints of nodes that it puts up with.")] = ()
    topology_spread_constraints: Annotated[tuple[Spread, ...], Meta(description="How pods are spread.")] = ()
    priority_class_name: Annotated[Text | None, Meta(description="How much it counts.")] = None
    preemption_policy: Annotated[
        Literal["Never", "PreemptLowerPriority"] | None, Meta(description="Whether others go for it.")
    ] = None
    runtime_class_name: Annotated[Text | None, Meta(description="The container runtime.")] = None
    scheduler_name: Annotated[Text | None, Meta(description="Who chooses the node.")] = None
    service_account_name: Annotated[Text | None, Meta(description="Another service account, of this namespace.")] = None
    image_pull_secrets: Annotated[tuple[PullSecret, ...], Meta(description="With which images are pulled.")] = ()
    security_context: Annotated[PodSecurity | None, Meta(description="Of all containers.")] = None
    termination_grace_period_seconds: Annotated[Annotated[int, Meta(ge=0)] | None, Meta(description="To end.")] = None
    dns_policy: Annotated[
        Literal["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"] | None,
        Meta(description="Whom names are asked of."),
    ] = None
    dns_config: Annotated[DnsConfig | None, Meta(description="How names are looked up.")] = None
    host_aliases: Annotated[tuple[HostAlias, ...], Meta(description="Names in the pod's /etc/hosts.")] = ()
    host_network: Annotated[bool | None, NEVER] = None
    host_pid: Annotated[bool | None, NEVER] = msgspec.field(default=None, name="hostPID")
    host_ipc: Annotated[bool | None, NEVER] = msgspec.field(default=None, name="hostIPC")
    host_users: Annotated[bool | None, Meta(description="False: a user namespace of its own.")] = None
