"""Security contexts, as far as they do not weaken what the `restricted` profile asks for."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from dcp_pipeline.spec.kubernetes.pod.shared import NEVER, Text
from dcp_pipeline.spec.part import Part

_Id = Annotated[int, Meta(ge=1)]
_NonRoot = Annotated[bool | None, Meta(description="True, as restricted wants it.", extra_json_schema={"enum": [True]})]


class Profile(Part, frozen=True):
    """A profile of seccomp or AppArmor."""

    type: Annotated[Literal["RuntimeDefault", "Localhost"], Meta(description="Unconfined is not allowed.")]
    localhost_profile: Annotated[Text | None, Meta(description="For Localhost: its name on the node.")] = None


class SeLinux(Part, frozen=True):
    """SELinux: level, and a container's type."""

    level: Annotated[Text | None, Meta(description="MCS level.")] = None
    type: Annotated[
        Literal["container_t", "container_init_t", "container_kvm_t", "container_engine_t"] | None,
        Meta(description="Type; those of containers only."),
    ] = None


class Sysctl(Part, frozen=True):
    """A kernel parameter of the pod."""

    name: Annotated[
        Literal[
            "kernel.shm_rmid_forced",
            "net.ipv4.ip_local_port_range",
            "net.ipv4.ip_local_reserved_ports",
            "net.ipv4.ip_unprivileged_port_start",
            "net.ipv4.ping_group_range",
            "net.ipv4.tcp_fin_timeout",
            "net.ipv4.tcp_keepalive_intvl",
            "net.ipv4.tcp_keepalive_probes",
            "net.ipv4.tcp_keepalive_time",
            "net.ipv4.tcp_syncookies",
        ],
        Meta(description="Those that are safe for other pods."),
    ]
    value: Annotated[Text, Meta(description="Its value.")]


class PodSecurity(Part, frozen=True):
    """Of all containers of the pod."""

    run_as_non_root: _NonRoot = None
    run_as_user: Annotated[_Id | None, Meta(description="User; not root.")] = None
    run_as_group: Annotated[_Id | None, Meta(description="Group.")] = None
    fs_group: Annotated[int | None, Meta(description="Group that owns the volumes.")] = None
    fs_group_change_policy: Annotated[
        Literal["Always", "OnRootMismatch"] | None, Meta(description="When volumes are given to fsGroup.")
    ] = None
    supplemental_groups: Annotated[tuple[int, ...], Meta(description="More groups.")] = ()
    supplemental_groups_policy: Annotated[
        Literal["Merge", "Strict"] | None, Meta(description="Whether the image's groups count too.")
    ] = None
    seccomp_profile: Annotated[Profile | None, Meta(description="RuntimeDefault where nothing is said.")] = None
    app_armor_profile: Annotated[Profile | None, Meta(description="AppArmor's.")] = None
    se_linux_options: Annotated[SeLinux | None, Meta(description="SELinux.")] = None
    se_linux_change_policy: Annotated[
        Literal["MountOption", "Recursive"] | None, Meta(description="How volumes are relabelled.")
    ] = None
    sysctls: Annotated[tuple[Sysctl, ...], Meta(description="Kernel parameters.")] = ()


class Capabilities(Part, frozen=True):
    """Of a container: ALL are dropped where nothing is said."""

    add: Annotated[tuple[Literal["NET_BIND_SERVICE"], ...], Meta(description="NET_BIND_SERVICE alone.")] = ()
    drop: Annotated[tuple[Text, ...], Meta(description="ALL.")] = ()


class ContainerSecurity(Part, frozen=True):
    """Of a container beside ours."""

    run_as_non_root: _NonRoot = None
    run_as_user: Annotated[_Id | None, Meta(description="User; not root.")] = None
    run_as_group: Annotated[_Id | None, Meta(description="Group.")] = None
    read_only_root_filesystem: Annotated[bool | None, Meta(description="Whether / is read-only.")] = None
    privileged: Annotated[bool | None, NEVER] = None
    allow_privilege_escalation: Annotated[bool | None, NEVER] = None
    capabilities: Annotated[Capabilities | None, Meta(description="What root's rights it has.")] = None
    seccomp_profile: Annotated[Profile | None, Meta(description="RuntimeDefault where nothing is said.")] = None
    app_armor_profile: Annotated[Profile | None, Meta(description="AppArmor's.")] = None
    se_linux_options: Annotated[SeLinux | None, Meta(description="SELinux.")] = None
