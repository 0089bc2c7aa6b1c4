"""A cluster (KUBECONFIG, or the one of `make cluster-up`), the operator in it, and a namespace with what it needs."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import config

from e2e.cluster import settings
from e2e.operator import install
from e2e.operator.kube import Kube, ready
from support.waiting import wait_until

CRDS = [Path(__file__).parents[3] / f"manifests/crd/datacleaning{each}.yaml" for each in ("pipelines", "tasks")]
NAME = "dcp-operator-e2e"


@pytest.fixture(scope="session")
def cluster() -> Kube:
    path = os.environ.get("KUBECONFIG") or str(settings.read().kubeconfig)
    if not os.path.exists(path):
        pytest.fail(f"no cluster: {path} does not exist (make cluster-up, or set KUBECONFIG)")
    return Kube(config.new_client_from_config(path), "default")


@pytest.fixture(scope="session")
def feeds(cluster: Kube) -> Iterator[Kube]:
    """A namespace that lets in only pods of the restricted profile, with Redis, MariaDB, a feed and the Secrets."""
    kube = _namespace(cluster, "e2e-feeds")
    for document in install.servers():
        kube.apply(document)
    for name, values in (
        ("redis", {"password": "secret"}),
        ("mariadb", {"password": "secret"}),
        ("feed", {"key": "k"}),
    ):
        kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values})
    for name in ("redis", "mariadb", "feed"):
        wait_until(ready(kube, name), f"the {name} of the tests (make images-load)", 120)
    yield kube
    cluster.delete("Namespace", kube.namespace)


@pytest.fixture(scope="session")
def doomed(cluster: Kube) -> Iterator[Kube]:
    """A watched namespace with the Secrets and nothing else, that a test may delete."""
    kube = _namespace(cluster, "e2e-doomed")
    _secrets(kube)
    yield kube
    cluster.delete("Namespace", kube.namespace)


@pytest.fixture(scope="session")
def operator(cluster: Kube, feeds: Kube, doomed: Kube) -> Iterator[Kube]:
    """The operator, watching the two; the namespace that it runs in."""
    for path in CRDS:
        cluster.apply(yaml.safe_load(path.read_text()))
    wait_until(lambda: _established(cluster), "the CRD to be served")
    kube = _namespace(cluster, "e2e-operator")
    for document in install.rights(NAME, kube.namespace):
        kube.apply(document)
    kube.apply(install.deployment(NAME, kube.namespace, [feeds.namespace, doomed.namespace]))
    wait_until(ready(kube, NAME), "the operator (make images-load)", 120)
    yield kube
    for each in feeds.list("DataCleaningPipeline"):
        feeds.delete("DataCleaningPipeline", each["metadata"]["name"])
    cluster.delete("Namespace", kube.namespace)
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        cluster.delete(kind, kube.namespace)


def _namespace(cluster: Kube, prefix: str) -> Kube:
    name = f"{prefix}-{uuid.uuid4().hex[:6]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    kube = cluster.in_namespace(name)
    wait_until(lambda: kube.get("ServiceAccount", "default"), "the namespace's default account")
    return kube


def _secrets(kube: Kube) -> None:
    for name, values in (
        ("redis", {"password": "secret"}),
        ("mariadb", {"password": "secret"}),
        ("feed", {"key": "k"}),
    ):
        kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values})


def _established(cluster: Kube) -> bool:
    crd: dict[str, Any] = cluster.get("CustomResourceDefinition", "datacleaningpipelines.datacleaning.io") or {}
    conditions = crd.get("status", {}).get("conditions") or []
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)
