"""The operator installed in a cluster with no more rights than docs/operator.md lists, as plain documents."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

OPERATOR_IMAGE = os.environ.get("E2E_OPERATOR_IMAGE", "dcp-e2e/operator:e2e")
FETCHER_IMAGE = os.environ.get("E2E_FETCHER_IMAGE", "dcp-e2e/fetcher:e2e")
WORKER_IMAGE = os.environ.get("E2E_WORKER_IMAGE", "dcp-e2e/worker:e2e")
DCP_IMAGE = os.environ.get("E2E_DCP_IMAGE", "dcp-e2e/dcp:e2e")

OPERATOR_MEMORY = "192Mi"
CHILD_VERBS = ["create", "delete", "get", "list", "patch", "watch"]
RULES: list[dict[str, Any]] = [
    {
        "apiGroups": ["datacleaning.io"],
        "resources": ["datacleaningpipelines"],
        "verbs": ["get", "list", "patch", "watch"],
    },
    {"apiGroups": ["datacleaning.io"], "resources": ["datacleaningpipelines/status"], "verbs": ["patch"]},
    {"apiGroups": ["datacleaning.io"], "resources": ["datacleaningpipelines/finalizers"], "verbs": ["update"]},
    {"apiGroups": ["datacleaning.io"], "resources": ["datacleaningtasks"], "verbs": ["delete", "get", "list", "watch"]},
    {"apiGroups": ["datacleaning.io"], "resources": ["datacleaningtasks/status"], "verbs": ["patch"]},
    {"apiGroups": ["datacleaning.io"], "resources": ["datacleaningtasks/finalizers"], "verbs": ["update"]},
    {"apiGroups": ["batch"], "resources": ["cronjobs", "jobs"], "verbs": CHILD_VERBS},
    {"apiGroups": [""], "resources": ["configmaps", "serviceaccounts", "services"], "verbs": CHILD_VERBS},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": CHILD_VERBS},
    {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["patch"]},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": CHILD_VERBS},
    {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": CHILD_VERBS},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "patch"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
    # Only where there are several replicas (LEASE_NAME); the chart grants it in the operator's own namespace alone.
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "update"]},
    # Only where KEDA may scale (KEDA=true); without its CRDs it grants nothing.
    {"apiGroups": ["keda.sh"], "resources": ["scaledobjects", "triggerauthentications"], "verbs": CHILD_VERBS},
    {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
]
HARDENED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}


def rights(name: str, namespace: str) -> list[dict[str, Any]]:
    """Account, role and binding; role and binding belong to no namespace, and are named after this one."""
    account = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": namespace}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": namespace},
            "rules": RULES,
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": namespace},
            "subjects": [account],
            "roleRef": role,
        },
    ]


def deployment(
    name: str,
    namespace: str,
    watched: list[str],
    memory: str = OPERATOR_MEMORY,
    more_settings: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The operator itself."""
    settings = {
        **(more_settings or {}),
        "FETCHER_IMAGE": FETCHER_IMAGE,
        "WORKER_IMAGE": WORKER_IMAGE,
        "DCP_IMAGE": DCP_IMAGE,
        "WATCH_NAMESPACES": ",".join(watched),
        "LOG_FORMAT": "json",
        **({"LEASE_NAMESPACE": namespace} if "LEASE_NAME" in (more_settings or {}) else {}),
    }
    container = {
        "name": "operator",
        "image": OPERATOR_IMAGE,
        "env": [{"name": key, "value": value} for key, value in settings.items()],
        "ports": [{"name": "metrics", "containerPort": 8080}],
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "metrics"}, "periodSeconds": 10},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "metrics"}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": memory}},
        "securityContext": HARDENED,
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    pod = {
        "serviceAccountName": name,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
        "terminationGracePeriodSeconds": 10,
    }
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def server(name: str, image: str, port: int, environment: dict[str, str], folders: list[str]) -> list[dict[str, Any]]:
    """A server for the tests, and its Service."""
    volumes = ["/tmp", *folders]
    container = {
        "name": name,
        "image": os.environ.get(f"E2E_{name.upper()}_IMAGE", image),
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        "ports": [{"containerPort": port}],
        "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
        "securityContext": HARDENED,
        "volumeMounts": [{"name": f"v{n}", "mountPath": path} for n, path in enumerate(volumes)],
    }
    if name == "redis":
        container["args"] = ["redis-server", "--bind", "0.0.0.0", "--requirepass", "secret", "--save", ""]
    pod = {
        "securityContext": {"runAsNonRoot": True, "fsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "containers": [container],
        "volumes": [{"name": f"v{n}", "emptyDir": {}} for n in range(len(volumes))],
    }
    labels = {"app": name}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"selector": labels, "ports": [{"port": port}]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
    ]


def servers() -> list[dict[str, Any]]:
    """Redis, MariaDB and a feed."""
    database = {
        "MARIADB_ROOT_PASSWORD": "rootsecret",
        "MARIADB_DATABASE": "clean",
        "MARIADB_USER": "dcp",
        "MARIADB_PASSWORD": "secret",
    }
    return [
        *server("redis", "dcp-e2e/redis:e2e", 6379, {}, []),
        *server("mariadb", "dcp-e2e/mariadb:e2e", 3306, database, ["/var/lib/mysql"]),
        *server("feed", "dcp-e2e/feed:e2e", 8000, {}, ["/data"]),
    ]
