"""What a Deployment went through, version by version, as the API server kept it."""

from __future__ import annotations

from kubernetes import client, watch

from e2e.operator.kube import Kube


def replicas_since(kube: Kube, deployment: str, version: str) -> list[int]:
    """Every value that spec.replicas had in the versions after `version`."""
    found = watch.Watch().stream(
        client.AppsV1Api(kube.api).list_namespaced_deployment,
        kube.namespace,
        field_selector=f"metadata.name={deployment}",
        resource_version=version,
        timeout_seconds=1,
    )
    return [each["raw_object"]["spec"]["replicas"] for each in found]
