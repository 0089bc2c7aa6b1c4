"""Containers beside ours, and what is added to ours: variables, mounts, probes."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from dcp_pipeline.spec.kubernetes.pod.security import ContainerSecurity
from dcp_pipeline.spec.kubernetes.pod.shared import (
    Amount,
    FieldRef,
    IntOrText,
    KeyRef,
    LongText,
    NameRef,
    Port,
    ResourceFieldRef,
    Text,
)
from dcp_pipeline.spec.part import Part

_Words = Annotated[tuple[LongText, ...], Meta(max_length=256)]


class Resources(Part, frozen=True):
    """What a container asks for, and at most gets."""

    requests: Annotated[dict[str, Amount], Meta(description="What the node keeps for it: cpu, memory, ...")] = {}
    limits: Annotated[dict[str, Amount], Meta(description="The most that it gets: cpu, memory, ...")] = {}


class EnvSource(Part, frozen=True):
    """Where a variable's value is: exactly one."""

    config_map_key_ref: Annotated[KeyRef | None, Meta(description="A ConfigMap's key.")] = None
    secret_key_ref: Annotated[KeyRef | None, Meta(description="A Secret's key.")] = None
    field_ref: Annotated[FieldRef | None, Meta(description="A field of the pod.")] = None
    resource_field_ref: Annotated[ResourceFieldRef | None, Meta(description="A container's request or limit.")] = None


class Env(Part, frozen=True):
    """A variable of the environment."""

    name: Annotated[Text, Meta(description="Its name.")]
    value: Annotated[LongText | None, Meta(description="Its value.")] = None
    value_from: Annotated[EnvSource | None, Meta(description="Or where it is.")] = None


class EnvFrom(Part, frozen=True):
    """All keys of a ConfigMap or Secret as variables."""

    config_map_ref: Annotated[NameRef | None, Meta(description="The ConfigMap.")] = None
    secret_ref: Annotated[NameRef | None, Meta(description="Or the Secret.")] = None
    prefix: Annotated[Text | None, Meta(description="Put before each name.")] = None


class Mount(Part, frozen=True):
    """Where a volume is in the container. One volume may be mounted at several paths."""

    name: Annotated[Text, Meta(description="The volume.")]
    mount_path: Annotated[Text, Meta(description="The path.")]
    sub_path: Annotated[Text | None, Meta(description="Only this of the volume.")] = None
    sub_path_expr: Annotated[Text | None, Meta(description="The same, with $(VARIABLES).")] = None
    read_only: Annotated[bool | None, Meta(description="Whether it is only read.")] = None
    recursive_read_only: Annotated[
        Literal["Disabled", "IfPossible", "Enabled"] | None, Meta(description="And what is mounted below.")
    ] = None
    mount_propagation: Annotated[
        Literal["None", "HostToContainer"] | None, Meta(description="Whether later mounts are seen.")
    ] = None


class Device(Part, frozen=True):
    """A claim of mode Block as a device."""

    name: Annotated[Text, Meta(description="The volume.")]
    device_path: Annotated[Text, Meta(description="The path.")]


class ContainerPort(Part, frozen=True):
    """A port that the container listens on."""

    container_port: Annotated[Port, Meta(description="The port.")]
    name: Annotated[Text | None, Meta(description="Its name.")] = None
    protocol: Annotated[Literal["TCP", "UDP", "SCTP"] | None, Meta(description="TCP where nothing is said.")] = None


class HttpHeader(Part, frozen=True):
    """A header of a probe's request."""

    name: Annotated[Text, Meta(description="Its name.")]
    value: Annotated[Text, Meta(description="Its value.")]


class HttpGet(Part, frozen=True):
    """A request to the pod itself: another host is not allowed by the restricted profile."""

    port: Annotated[IntOrText, Meta(description="Its number or name.")]
    path: Annotated[Text | None, Meta(description="The path.")] = None
    scheme: Annotated[Literal["HTTP", "HTTPS"] | None, Meta(description="HTTP where nothing is said.")] = None
    http_headers: Annotated[tuple[HttpHeader, ...], Meta(description="Headers.")] = ()


class TcpSocket(Part, frozen=True):
    """A connection to the pod itself."""

    port: Annotated[IntOrText, Meta(description="Its number or name.")]


class Exec(Part, frozen=True):
    """A command in the container."""

    command: Annotated[_Words, Meta(description="The command and its arguments.")] = ()


class Grpc(Part, frozen=True):
    """gRPC's health check."""

    port: Annotated[Port, Meta(description="The port.")]
    service: Annotated[Text | None, Meta(description="The service that is asked for.")] = None


class Sleep(Part, frozen=True):
    """Nothing, for a while."""

    seconds: Annotated[int, Meta(description="How long.", ge=0)]


class Probe(Part, frozen=True):
    """How it is seen whether a container is well."""

    http_get: Annotated[HttpGet | None, Meta(description="By a request.")] = None
    tcp_socket: Annotated[TcpSocket | None, Meta(description="By a connection.")] = None
    exec: Annotated[Exec | None, Meta(description="By a command.")] = None
    grpc: Annotated[Grpc | None, Meta(description="By gRPC's health check.")] = None
    initial_delay_seconds: Annotated[Annotated[int, Meta(ge=0)] | None, Meta(description="Before the first.")] = None
    timeout_seconds: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="Longest answer.")] = None
    period_seconds: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="Between two.")] = None
    success_threshold: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="Successes until it is well.")] = (
        None
    )
    failure_threshold: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="Failures until it is not.")] = (
        None
    )
    termination_grace_period_seconds: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="To end, if it is not well.")
    ] = None


class Handler(Part, frozen=True):
    """What is done at a container's start or end."""

    exec: Annotated[Exec | None, Meta(description="A command.")] = None
    http_get: Annotated[HttpGet | None, Meta(description="A request.")] = None
    sleep: Annotated[Sleep | None, Meta(description="Waiting.")] = None


class Lifecycle(Part, frozen=True):
    """What is done at a container's start and end."""

    post_start: Annotated[Handler | None, Meta(description="After its start.")] = None
    pre_stop: Annotated[Handler | None, Meta(description="Before it is ended.")] = None
    stop_signal: Annotated[Text | None, Meta(description="The signal that ends it.")] = None


_Pull = Literal["Always", "IfNotPresent", "Never"]
_Told = Literal["File", "FallbackToLogsOnError"]


class Container(Part, frozen=True):
    """A container beside ours."""

    name: Annotated[Text, Meta(description="Its name in the pod.")]
    image: Annotated[Text | None, Meta(description="The image.")] = None
    image_pull_policy: Annotated[_Pull | None, Meta(description="When it is pulled.")] = None
    command: Annotated[_Words, Meta(description="The command; the image's where nothing is said.")] = ()
    args: Annotated[_Words, Meta(description="Its arguments.")] = ()
    working_dir: Annotated[Text | None, Meta(description="Where it is run.")] = None
    env: Annotated[tuple[Env, ...], Meta(description="Variables.")] = ()
    env_from: Annotated[tuple[EnvFrom, ...], Meta(description="Variables, of ConfigMaps and Secrets.")] = ()
    ports: Annotated[tuple[ContainerPort, ...], Meta(description="Ports; none of the host's.")] = ()
    resources: Annotated[Resources | None, Meta(description="Requests and limits.")] = None
    volume_mounts: Annotated[tuple[Mount, ...], Meta(description="Mounts.")] = ()
    volume_devices: Annotated[tuple[Device, ...], Meta(description="Block devices.")] = ()
    startup_probe: Annotated[Probe | None, Meta(description="Whether it has started.")] = None
    liveness_probe: Annotated[Probe | None, Meta(description="Whether it has to be started anew.")] = None
    readiness_probe: Annotated[Probe | None, Meta(description="Whether it can be used.")] = None
    lifecycle: Annotated[Lifecycle | None, Meta(description="At its start and end.")] = None
    restart_policy: Annotated[Literal["Always"] | None, Meta(description="Of an init container: a sidecar.")] = None
    security_context: Annotated[ContainerSecurity | None, Meta(description="Its rights.")] = None
    termination_message_path: Annotated[Text | None, Meta(description="The file of its last words.")] = None
    termination_message_policy: Annotated[_Told | None, Meta(description="Or its log's end.")] = None
    stdin: Annotated[bool | None, Meta(description="Whether it has an input.")] = None
    tty: Annotated[bool | None, Meta(description="Whether it has a terminal.")] = None
