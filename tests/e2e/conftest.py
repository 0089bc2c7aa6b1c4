"""The cluster that KUBECONFIG names, or the one of `make cluster-up`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from kubernetes import config

from e2e.cluster import settings
from e2e.operator.kube import Kube


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    path = Path(os.environ.get("KUBECONFIG") or settings.read().kubeconfig)
    if not path.exists():
        pytest.fail(f"no cluster: {path} does not exist (make cluster-up, or set KUBECONFIG)")
    return path


@pytest.fixture(scope="session")
def cluster(kubeconfig: Path) -> Kube:
    return Kube(config.new_client_from_config(str(kubeconfig)), "default")
