"""What the operator is told by its environment, read once at the start. docs/operator.md has the table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dcp_operator.ground.scope import Scope
from dcp_operator.ground.windows import Window, read_windows
from dcp_pipeline.observe.health import ANYWHERE
from dcp_pipeline.spec.units import Duration


class SettingInvalid(ValueError):
    """A variable that is missing or cannot be used; the message names it."""


@dataclass(frozen=True)
class PodSettings:
    """What all pods that the operator makes have in common."""

    fetcher_image: str
    worker_image: str
    pull_policy: str | None = None
    pod_monitors: bool = False
    keda: bool = False
    """Whether KEDA's CRDs are there, and pipelines may ask for `scaling.engine: keda`."""

    egress_open: bool = False
    """Whether the pods' NetworkPolicy lets them go everywhere; else it does not speak of egress."""

    pull_secrets: tuple[str, ...] = ()
    """Secrets of the pipelines' own namespaces, with which every pod's images are pulled."""

    dcp_image: str | None = None
    """Of tasks' pods; None: tasks have to name one."""

    def image_of(self, component: str) -> str:
        """The image of `fetcher` or `worker`."""
        return self.fetcher_image if component == "fetcher" else self.worker_image


@dataclass(frozen=True)
class OperatorSettings:
    """Everything that the process is told. Periods are in seconds."""

    pods: PodSettings
    scope: Scope
    """Which namespaces are looked after."""
    instance: str
    """Only pipelines that bear this in their label; empty: only those without the label."""
    queue_hosts: tuple[str, ...]
    """Hosts that a pipeline's queue may be on, beside those of its own namespace; patterns too."""
    cluster_domain: str
    """The domain of Services' names; empty: as in this pod's /etc/resolv.conf, else cluster.local."""
    api_server: str
    """Its address, in a pod: no queue is there."""
    sync_seconds: float
    """Between two looks at the queues."""
    resync_seconds: float
    """Between two reconciliations of everything, whatever the watches said."""
    concurrency: int
    """Resources reconciled at the same time."""
    health_host: str
    health_port: int
    rollout: tuple[int, float]
    """So many pipelines are renewed at once by a release of the operator; seconds before the next takes a place."""
    rollout_windows: tuple[Window, ...]
    """When a release may begin to renew a pipeline; always, where there are none."""
    lease: tuple[str, str] | None
    """Namespace and name of the Lease by which one of several replicas writes; None: there is only this one."""
    log_level: str
    log_format: str


def read_settings(environment: Mapping[str, str]) -> OperatorSettings:
    """Raises SettingInvalid."""
    pods = PodSettings(
        fetcher_image=_required(environment, "FETCHER_IMAGE"),
        worker_image=_required(environment, "WORKER_IMAGE"),
        pull_policy=environment.get("IMAGE_PULL_POLICY") or None,
        dcp_image=environment.get("DCP_IMAGE", "").strip() or None,
        pull_secrets=tuple(environment.get("PULL_SECRETS", "").replace(",", " ").split()),
        pod_monitors=_switch(environment, "POD_MONITORS"),
        keda=_switch(environment, "KEDA"),
        egress_open=_egress_open(environment),
    )
    return OperatorSettings(
        pods=pods,
        scope=Scope(
            tuple(environment.get("WATCH_NAMESPACES", "").replace(",", " ").split()),
            environment.get("WATCH_NAMESPACE_SELECTOR", "").strip(),
        ),
        instance=_instance(environment),
        queue_hosts=tuple(environment.get("QUEUE_HOSTS", "").replace(",", " ").split()),
        cluster_domain=environment.get("CLUSTER_DOMAIN", "").strip(" .").lower(),
        api_server=environment.get("KUBERNETES_SERVICE_HOST", ""),
        sync_seconds=_seconds(environment, "SYNC_PERIOD", "2s"),
        resync_seconds=_seconds(environment, "RESYNC_PERIOD", "30s"),
        concurrency=_whole(environment, "RECONCILE_CONCURRENCY", 8, least=1),
        health_host=environment.get("HEALTH_HOST") or ANYWHERE,
        health_port=_whole(environment, "HEALTH_PORT", 8080),
        rollout=(
            _whole(environment, "ROLLOUT_AT_ONCE", 5, least=1),
            _seconds(environment, "ROLLOUT_DELAY", "0s", 0.0),
        ),
        rollout_windows=_windows(environment),
        lease=_lease(environment),
        log_level=environment.get("LOG_LEVEL") or "info",
        log_format=environment.get("LOG_FORMAT") or "",
    )


def _windows(environment: Mapping[str, str]) -> tuple[Window, ...]:
    try:
        return read_windows(environment.get("ROLLOUT_WINDOWS", ""))
    except ValueError as error:
        raise SettingInvalid(f"ROLLOUT_WINDOWS: {error}") from error


def _instance(environment: Mapping[str, str]) -> str:
    name = environment.get("INSTANCE", "").strip()
    if name and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", name):
        raise SettingInvalid(f"INSTANCE={name!r}: the value of a label is wanted: letters, digits, '-', '_' and '.'")
    return name


def _lease(environment: Mapping[str, str]) -> tuple[str, str] | None:
    namespace, name = environment.get("LEASE_NAMESPACE", ""), environment.get("LEASE_NAME", "")
    if bool(namespace) != bool(name):
        raise SettingInvalid("LEASE_NAMESPACE and LEASE_NAME belong together: set both, or none for a single replica")
    return (namespace, name) if name else None


def _egress_open(environment: Mapping[str, str]) -> bool:
    text = environment.get("PODS_EGRESS") or "unset"
    if text not in ("unset", "open"):
        raise SettingInvalid(f"PODS_EGRESS={text!r}: unset or open is wanted")
    return text == "open"


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise SettingInvalid(f"{name} is not set: name the image that the pods are to run")
    return value


def _switch(environment: Mapping[str, str], name: str) -> bool:
    return environment.get(name, "").lower() in ("1", "true", "yes", "on")


def _seconds(environment: Mapping[str, str], name: str, default: str, least: float = 0.001) -> float:
    text = environment.get(name) or default
    try:
        seconds = Duration(text).seconds
    except ValueError as error:
        raise SettingInvalid(f"{name}: {error}") from error
    if seconds < least:
        raise SettingInvalid(f"{name}={text}: more than 0 is wanted")
    return seconds


def _whole(environment: Mapping[str, str], name: str, default: int, least: int = 0) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal():
        raise SettingInvalid(f"{name}={text!r} is no whole number")
    if int(text) < least:
        raise SettingInvalid(f"{name}={text}: {least} or more is wanted")
    return int(text)
