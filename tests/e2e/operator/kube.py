"""kubectl without kubectl: what the operator's end-to-end tests do to a cluster, through the Kubernetes client."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream

PATHS = {
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Namespace": "/api/v1/namespaces",
    "Node": "/api/v1/nodes",
    "Pod": "/api/v1/namespaces/{}/pods",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "Service": "/api/v1/namespaces/{}/services",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "ReplicaSet": "/apis/apps/v1/namespaces/{}/replicasets",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "Event": "/apis/events.k8s.io/v1/namespaces/{}/events",
    "Lease": "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "ScaledObject": "/apis/keda.sh/v1alpha1/namespaces/{}/scaledobjects",
    "TriggerAuthentication": "/apis/keda.sh/v1alpha1/namespaces/{}/triggerauthentications",
    "DataCleaningTask": "/apis/datacleaning.io/v1beta1/namespaces/{}/datacleaningtasks",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "CronJob": "/apis/batch/v1/namespaces/{}/cronjobs",
    "PersistentVolume": "/api/v1/persistentvolumes",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "DataCleaningPipeline": "/apis/datacleaning.io/v1beta1/namespaces/{}/datacleaningpipelines",
}
CHILDREN = (
    "ConfigMap", "Deployment", "NetworkPolicy", "Pod", "PodDisruptionBudget", "ReplicaSet", "Service", "ServiceAccount"
)  # fmt: skip


class Kube:
    """One namespace of a cluster. Documents are plain dictionaries."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self.api, self.namespace = api, namespace

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """The object; None where there is none."""
        try:
            return self._call("GET", f"{self._path(kind)}/{name}")
        except ApiException as refused:
            if refused.status != 404:
                raise
            return None

    def list(self, kind: str, label: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", self._path(kind), query=[("labelSelector", label)])["items"]
        return found

    def read(self, path: str) -> Any:
        """What the API server has at a path that no kind here stands for."""
        return self._call("GET", path)

    def apply(self, document: dict[str, Any], manager: str = "e2e") -> dict[str, Any]:
        """Server-side apply, as `kubectl apply --server-side`."""
        query = [("fieldManager", manager), ("force", "true"), ("fieldValidation", "Strict")]
        path = f"{self._path(document['kind'])}/{document['metadata']['name']}"
        return self._call("PATCH", path, document, "application/apply-patch+yaml", query)

    def patch(self, kind: str, name: str, change: dict[str, Any], subresource: str = "") -> dict[str, Any]:
        """A JSON merge patch, as `kubectl patch --type=merge`."""
        path = f"{self._path(kind)}/{name}" + (f"/{subresource}" if subresource else "")
        return self._call("PATCH", path, change, "application/merge-patch+json")

    def delete(self, kind: str, name: str, grace_seconds: int | None = None) -> None:
        """Delete it, if it is there. A pod with a grace of 0 is killed."""
        options: dict[str, Any] = {"propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        try:
            self._call("DELETE", f"{self._path(kind)}/{name}", options)
        except ApiException as refused:
            if refused.status != 404:
                raise

    def evict(self, pod: str) -> bool:
        """As `kubectl drain` does it; False where a PodDisruptionBudget does not let the pod go yet."""
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
        try:
            self._call("POST", f"{self._path('Pod')}/{pod}/eviction", eviction)
        except ApiException as refused:
            if refused.status not in (404, 429):
                raise
            return refused.status == 404
        return True

    def run(self, deployment: str, *command: str) -> str:
        """What a command prints in a pod of one of the tests' own servers."""
        pod = self.list("Pod", f"app={deployment}")[0]["metadata"]["name"]
        core = client.CoreV1Api(self.api)
        said: str = stream(
            core.connect_get_namespaced_pod_exec, pod, self.namespace,
            command=list(command), stdout=True, stderr=True,
        )  # fmt: skip
        return said.strip()

    def in_namespace(self, namespace: str) -> Kube:
        """The same cluster, another namespace."""
        return Kube(self.api, namespace)

    def writes(self) -> list[dict[str, Any]] | None:
        """The audit log's entries; None where this cluster keeps none that a test can read."""
        core = client.CoreV1Api(self.api)
        nodes = core.list_node(label_selector="node-role.kubernetes.io/control-plane").items
        try:
            node = nodes[0].metadata.name
            path = "logs/kubernetes/audit.log"
            text = core.connect_get_node_proxy_with_path(node, path, _preload_content=False).data
        except (ApiException, IndexError):
            return None
        return [json.loads(line) for line in text.splitlines()]

    def _path(self, kind: str) -> str:
        return PATHS[kind].format(self.namespace)

    def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        content_type: str = "application/json",
        query: list[tuple[str, str]] | None = None,
    ) -> Any:
        headers = {"Accept": "application/json", "Content-Type": content_type}
        request = self.api.param_serialize(
            method, path, query_params=query or [], header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        response = self.api.call_api(*request)
        text = response.read()
        if response.status >= 400:
            raise ApiException(status=response.status, reason=json.loads(text)["message"])
        return json.loads(text)


def ready(kube: Kube, deployment: str) -> Callable[[], bool]:
    """Whether a Deployment's pods are all ready, and of its present template."""

    def check() -> bool:
        found = kube.get("Deployment", deployment)
        if found is None:
            return False
        status, wanted = found.get("status", {}), found["spec"].get("replicas", 1)
        seen = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
        counts = [status.get(each, 0) for each in ("replicas", "readyReplicas", "updatedReplicas")]
        return bool(seen and counts == [wanted] * 3)

    return check
