"""The children of a pipeline: one pure builder each, returning the document that is applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from dcp_operator.children.additions import part_of
from dcp_operator.children.drift import digest
from dcp_operator.children.pods import HEALTH_PORT, SPEC_FILE, pod_template
from dcp_operator.children.run_spec import lean, spec_name, spec_text
from dcp_operator.children.secret_refs import versions_at_start
from dcp_operator.ground.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    POD_MONITOR,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)
from dcp_operator.ground.names import ASKED_ANNOTATION, Component, Owner, child_name, labels, owner_references, selector
from dcp_operator.ground.settings import PodSettings
from dcp_pipeline.spec.model import Pipeline

_NOT_ASKED_OF_PODS = ("scaling", "deletionPolicy")

COMPONENTS: tuple[Component, ...] = ("fetcher", "worker")


@dataclass(frozen=True)
class Child:
    """An object as it is to be. A worker Deployment's document never says how many replicas; `replicas_at_birth`
    is what it is created with, and then the scaler's business alone."""

    kind: Kind
    document: Mapping[str, Any]
    replicas_at_birth: int | None = None

    @property
    def name(self) -> str:
        return str(self.document["metadata"]["name"])


@dataclass(frozen=True)
class Wanted:
    """All that the children are built from."""

    owner: Owner
    pipeline: Pipeline
    secret_versions: Mapping[str, str]
    settings: PodSettings


def children_of(wanted: Wanted) -> tuple[Child, ...]:
    """All children, in the order in which they are to be applied."""
    monitors = [pod_monitor(wanted)] if wanted.settings.pod_monitors else []
    return (
        config_map(wanted),
        *(service_account(wanted, each) for each in COMPONENTS),
        network_policy(wanted),
        *(metrics_service(wanted, each) for each in COMPONENTS),
        disruption_budget(wanted),
        fetcher_deployment(wanted),
        worker_deployment(wanted),
        *monitors,
    )


def config_map(wanted: Wanted) -> Child:
    """The spec that the pods run."""
    data = {SPEC_FILE: spec_text(wanted.pipeline)}
    return _named(wanted, CONFIG_MAP, spec_name(wanted.pipeline), immutable=True, data=data)


def service_account(wanted: Wanted, component: Component) -> Child:
    """An identity without rights and without a token: neither component talks to Kubernetes."""
    annotations = part_of(wanted.pipeline, component).service_account_annotations
    made = child(wanted, SERVICE_ACCOUNT, component, component, automountServiceAccountToken=False)
    return annotated(made, annotations) if annotations else made


def metrics_service(wanted: Wanted, component: Component) -> Child:
    """Where the component's metrics are found; headless, for each pod is scraped by itself."""
    spec = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": selector(wanted.owner.name, component),
        "ports": [{"name": "metrics", "port": HEALTH_PORT, "targetPort": "metrics", "protocol": "TCP"}],
    }
    return child(wanted, SERVICE, f"{component}-metrics", component, spec=spec)


def disruption_budget(wanted: Wanted) -> Child:
    """Workers are drained one at a time; a pod that does not work may always go."""
    spec = {
        "maxUnavailable": 1,
        "selector": {"matchLabels": selector(wanted.owner.name, "worker")},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    return child(wanted, POD_DISRUPTION_BUDGET, "worker", "worker", spec=spec)


def network_policy(wanted: Wanted) -> Child:
    """In: the metrics port only. Of egress it does not speak, so that whatever denies it in this namespace goes on to;
    only where PODS_EGRESS says so does it let the pods go everywhere, whatever else denies it."""
    metrics = {"ports": [{"port": HEALTH_PORT, "protocol": "TCP"}]}
    spec = policy_spec(selector(wanted.owner.name), wanted.settings, metrics)
    return child(wanted, NETWORK_POLICY, "pods", spec=spec)


def policy_spec(pods: Mapping[str, str], settings: PodSettings, *let_in: Mapping[str, Any]) -> dict[str, Any]:
    """A NetworkPolicy's spec for the pods with these labels. Nothing else gets in, or nothing."""
    spec: dict[str, Any] = {"podSelector": {"matchLabels": pods}, "policyTypes": ["Ingress"]}
    if let_in:
        spec["ingress"] = [*let_in]
    if settings.egress_open:
        spec |= {"policyTypes": ["Ingress", "Egress"], "egress": [{}]}
    return spec


def fetcher_deployment(wanted: Wanted) -> Child:
    """One fetcher, or none while paused. Recreate: two of them would cut the same object."""
    replicas = 1 if wanted.pipeline.spec.wanted_state == "Running" else 0
    return _deployment(wanted, "fetcher", replicas=replicas, strategy={"type": "Recreate"})


def worker_deployment(wanted: Wanted) -> Child:
    """The workers, as many as the scaler says."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
    workers = _deployment(wanted, "worker", strategy=strategy)
    return Child(workers.kind, workers.document, replicas_at_birth=0)


def pod_monitor(wanted: Wanted) -> Child:
    """For the Prometheus operator, where it is installed (POD_MONITORS)."""
    spec = {
        "selector": {"matchLabels": selector(wanted.owner.name)},
        "podMetricsEndpoints": [{"port": "metrics", "path": "/metrics"}],
    }
    return child(wanted, POD_MONITOR, "pods", spec=spec)


def _deployment(wanted: Wanted, component: Component, **spec: Any) -> Child:
    template = pod_template(wanted.pipeline, component, wanted.secret_versions, wanted.settings)
    spec |= {
        "paused": False,  # `kubectl rollout pause` would hold back every change, for ever and in silence
        "revisionHistoryLimit": 3,
        "selector": {"matchLabels": selector(wanted.owner.name, component)},
        "template": template,
    }
    made = child(wanted, DEPLOYMENT, component, component, spec=spec)
    return annotated(made, {ASKED_ANNOTATION: asked_for(wanted, component)})


def asked_for(wanted: Wanted, component: Component) -> str:
    """A digest of what is asked of the pods by people: the spec and its Secrets. Where it is the same and pods are to
    be others, a release of the operator wants it."""
    spec = {key: value for key, value in lean(wanted.pipeline.spec).items() if key not in _NOT_ASKED_OF_PODS}
    return digest([spec, versions_at_start(wanted.pipeline, component, wanted.secret_versions)])


def annotated(made: Child, annotations: Mapping[str, str]) -> Child:
    """The child with these annotations."""
    metadata = {**made.document["metadata"], "annotations": annotations}
    return replace(made, document={**made.document, "metadata": metadata})


def child(wanted: Wanted, kind: Kind, suffix: str, component: str | None = None, **content: Any) -> Child:
    """A child with name, labels and owner; `content` is the rest of its document."""
    return _named(wanted, kind, child_name(wanted.owner.name, suffix), component, **content)


def _named(wanted: Wanted, kind: Kind, name: str, component: str | None = None, **content: Any) -> Child:
    return owned(wanted.owner, kind, name, labels(wanted.owner.name, component), **content)


def owned(owner: Owner, kind: Kind, name: str, labelled: Mapping[str, str], **content: Any) -> Child:
    """A child of an owner; `content` is the rest of its document."""
    metadata = {
        "name": name,
        "namespace": owner.namespace,
        "labels": labelled,
        "ownerReferences": owner_references(owner),
    }
    return Child(kind, {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **content})
