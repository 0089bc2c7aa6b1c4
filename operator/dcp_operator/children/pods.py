"""The pod template of fetcher and worker: hardened, probed, with the spec and just the secrets that it uses.

Read additions.py for what the spec may add, children.py for the Deployments around it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from dcp_operator.children.additions import additions_of, part_of
from dcp_operator.children.drift import digest
from dcp_operator.children.merge import merged
from dcp_operator.children.run_spec import spec_name, spec_text
from dcp_operator.children.secret_refs import keys_by_secret, refs_of, versions_at_start
from dcp_operator.ground.names import REVISION_ANNOTATION, Component, child_name, labels, selector
from dcp_operator.ground.settings import PodSettings
from dcp_pipeline.observe.health import ANYWHERE
from dcp_pipeline.spec.model import Pipeline, SecretKeyRef

SPEC_FOLDER = "/etc/dcp"
SPEC_FILE = "pipeline.json"
SECRETS_FOLDER = "/run/dcp/secrets"
STATE_FOLDER = "/var/lib/dcp/state"
CLAIMS_FOLDER = "/var/lib/dcp/volumes"
HEALTH_PORT = 8080

FETCHER_GRACE_SECONDS = 30
LONGEST_WORKER_GRACE_SECONDS = 600
"""A node that is drained does not wait longer for a batch: it is handed back, and another worker takes it."""
GRACE_MARGIN_SECONDS = 10
STUCK_GRACE_SECONDS = 10
"""A process that fails its liveness probe has nothing to finish: it is not waited for as for one that ends well."""

DEAD_NODE_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
DEAD_NODE_SECONDS = 30
"""Kubernetes leaves pods for 300 s on a node that it has found dead: so long a feed would stand still, for it has one
fetcher. A batch whose worker is lost has a lease, and two fetchers for a moment agree by the ledger; little is risked
by going early. Not at once: a kubelet or containerd that is started anew says not-ready for seconds (docs/adr/0136)."""

_RESOURCES: Mapping[Component, Mapping[str, Mapping[str, str]]] = {
    "fetcher": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
    "worker": {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
}


def pod_template(
    pipeline: Pipeline, component: Component, secret_versions: Mapping[str, str], settings: PodSettings
) -> dict[str, Any]:
    """The pod template. `secret_versions` is SECRET/KEY -> a digest: a value that is used and rotated rolls them."""
    additions = additions_of(pipeline, component)
    name = pipeline.metadata.name
    container = merged(_container(pipeline, component, settings), additions.container)
    pod: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "containers": [container],
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "serviceAccountName": child_name(name, component),
        "terminationGracePeriodSeconds": grace_seconds(pipeline, component),
        "topologySpreadConstraints": [_spread(name, component)],
        "volumes": volumes_of(pipeline, component, refs_of(pipeline, component), spec_name(pipeline)),
    }
    if settings.pull_secrets:
        pod["imagePullSecrets"] = [{"name": each} for each in settings.pull_secrets]
    pod = merged(pod, {key: value for key, value in additions.pod.items() if "ontainers" not in key})
    pod = merged(pod, {key: [_guarded(each) for each in value] for key, value in additions.pod.items()
                       if "ontainers" in key})  # fmt: skip
    pod["tolerations"] = _off_dead_nodes(pod.get("tolerations", []))
    own = {
        "labels": labels(name, component),
        "annotations": {REVISION_ANNOTATION: pods_revision(pipeline, component, secret_versions)},
    }
    return {"metadata": merged(own, additions.metadata), "spec": pod}


def pods_revision(pipeline: Pipeline, component: Component, secret_versions: Mapping[str, str]) -> str:
    """A digest of what a running pod cannot take in: while it is the same, nothing but the template rolls pods.

    How many workers there are, whether the pipeline is paused and what is in the template anyway do not count.
    """
    secrets = versions_at_start(pipeline, component, secret_versions)
    return digest({"spec": spec_text(pipeline), "secrets": secrets})


def grace_seconds(pipeline: Pipeline, component: Component) -> int:
    """How long a pod may take to end: long enough to finish its batch."""
    if component == "fetcher":
        return FETCHER_GRACE_SECONDS
    longest = pipeline.spec.worker.batch_timeout.seconds + GRACE_MARGIN_SECONDS
    return int(min(max(longest, FETCHER_GRACE_SECONDS), LONGEST_WORKER_GRACE_SECONDS))


def resources_of(pipeline: Pipeline, component: Component) -> dict[str, Any]:
    """The spec's resources over the defaults."""
    return laid_over(_RESOURCES[component], part_of(pipeline, component).resources)


def laid_over(defaults: Mapping[str, Mapping[str, str]], given: Mapping[str, Any]) -> dict[str, Any]:
    """Resources over their defaults. A limit without a request is the request as well, as everywhere in Kubernetes: a
    default request above it would be refused."""
    limits, requests = given.get("limits", {}), given.get("requests", {})
    kept = {key: value for key, value in defaults["requests"].items() if key not in limits or key in requests}
    kept_limits = {key: value for key, value in defaults["limits"].items() if key not in requests or key in limits}
    return {"requests": {**kept, **requests}, "limits": {**kept_limits, **limits}}


def _container(pipeline: Pipeline, component: Component, settings: PodSettings) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": component,
        "image": part_of(pipeline, component).image or settings.image_of(component),
        "command": ["python", "-m", f"dcp_{component}"],
        "args": [f"{SPEC_FOLDER}/{SPEC_FILE}"],
        "env": _environment(pipeline, component),
        "ports": [{"name": "metrics", "containerPort": HEALTH_PORT, "protocol": "TCP"}],
        "resources": resources_of(pipeline, component),
        "securityContext": container_security(),
        "startupProbe": _probe("/healthz", periodSeconds=2, failureThreshold=60),
        "livenessProbe": _probe(
            "/healthz", periodSeconds=10, failureThreshold=3, terminationGracePeriodSeconds=STUCK_GRACE_SECONDS
        ),
        "readinessProbe": _probe("/readyz", periodSeconds=2, failureThreshold=3),
        "volumeMounts": mounts_of(pipeline, component, refs_of(pipeline, component)),
    }
    if settings.pull_policy:
        container["imagePullPolicy"] = settings.pull_policy
    return container


def container_security() -> dict[str, Any]:
    """As the `restricted` profile wants it, and stricter."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
    }


def _guarded(container: Mapping[str, Any]) -> Any:
    """A sidecar as the `restricted` profile wants it, where it does not say so itself."""
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return merged({"securityContext": security}, container)


def _probe(path: str, **timing: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": "metrics"}, "timeoutSeconds": 5, **timing}


def _environment(pipeline: Pipeline, component: Component) -> list[dict[str, Any]]:
    plain = {
        "DCP_SECRETS_DIR": SECRETS_FOLDER,
        "DCP_STATE_DIR": STATE_FOLDER,
        "HEALTH_HOST": ANYWHERE,
        "HEALTH_PORT": str(HEALTH_PORT),
        "HOME": "/tmp",  # noqa: S108
        "LOG_FORMAT": "json",
    }
    if component == "worker":
        grace = grace_seconds(pipeline, component) - GRACE_MARGIN_SECONDS // 2
        plain |= {"POLARS_MAX_THREADS": str(pipeline.spec.worker.concurrency), "WORKER_GRACE_SECONDS": str(grace)}
    pod_name = {"name": "WORKER_ID", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}}
    return [*({"name": name, "value": value} for name, value in plain.items()), pod_name]


def volumes_of(
    pipeline: Pipeline, component: Component, refs: tuple[SecretKeyRef, ...], spec_map: str
) -> list[dict[str, Any]]:
    """The pod's volumes: the spec of that ConfigMap, just the keys of `refs`, claims with databases."""
    volumes: list[dict[str, Any]] = [
        {"name": "spec", "configMap": {"name": spec_map}},
        {"name": "state", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
    ]
    secrets = keys_by_secret(refs)
    if secrets:
        projected = [
            {"secret": {"name": name, "items": [{"key": key, "path": f"{name}/{key}"} for key in keys]}}
            for name, keys in secrets.items()
        ]
        volumes.append({"name": "secrets", "projected": {"defaultMode": 0o444, "sources": projected}})
    for claim in _claims(pipeline, component):
        source = {"claimName": claim, "readOnly": True}
        volumes.append({"name": _claim_volume(claim), "persistentVolumeClaim": source})
    return volumes


def mounts_of(pipeline: Pipeline, component: Component, refs: tuple[SecretKeyRef, ...]) -> list[dict[str, Any]]:
    """Where the container finds them."""
    mounts: list[dict[str, Any]] = [
        {"name": "spec", "mountPath": SPEC_FOLDER, "readOnly": True},
        {"name": "state", "mountPath": STATE_FOLDER},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
    ]
    if refs:
        mounts.append({"name": "secrets", "mountPath": SECRETS_FOLDER, "readOnly": True})
    claims = _claims(pipeline, component)
    return mounts + [
        {"name": _claim_volume(each), "mountPath": f"{CLAIMS_FOLDER}/{each}", "readOnly": True} for each in claims
    ]


def _claims(pipeline: Pipeline, component: Component) -> list[str]:
    """The claims that enrichments need; only workers look into them."""
    if component == "fetcher":
        return []
    return sorted({claim for step in pipeline.spec.cleaning.enrich if step.settings for claim in step.settings.claims})


def _claim_volume(claim: str) -> str:
    """A volume's name for a claim, whose own name may be too long for one or hold dots."""
    return f"claim-{hashlib.blake2b(claim.encode(), digest_size=6).hexdigest()}"


def _off_dead_nodes(given: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What the spec says, and seconds for the taints of a dead node of which it says nothing. As the API server tells
    that (DefaultTolerationSeconds): a toleration without key or effect speaks of all."""

    def speaks_of(taint: str, each: Mapping[str, Any]) -> bool:
        return each.get("key") in (None, "", taint) and each.get("effect") in (None, "", "NoExecute")

    ours = [
        {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": DEAD_NODE_SECONDS}
        for taint in DEAD_NODE_TAINTS
        if not any(speaks_of(taint, each) for each in given)
    ]
    return [*given, *ours]


def _spread(pipeline: str, component: Component) -> dict[str, Any]:
    return {
        "topologyKey": "kubernetes.io/hostname",
        "maxSkew": 1,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector(pipeline, component)},
    }
