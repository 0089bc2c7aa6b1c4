"""The cluster that KUBECONFIG names, or the one of `make cluster-up`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from kubernetes import config

from e2e.cluster import settings
from e2e.operator.kube import Kube

LONGEST = (
    "test_scale_in",
    "test_life",
    "test_redis_outage",
    "test_rendering",
    "test_release",
    "test_keda",
    "test_liveness",
    "test_rollout",
)
"""The longest modules begin first, so that all processes end together. A process whose module has one test or two is
given its next one at once: to the one with the longest that is the short test_rendering."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What pytest-xdist keeps where it is told --no-loadscope-reorder (make/e2e.mk): else the fewest tests go last."""
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    path = Path(os.environ.get("KUBECONFIG") or settings.read().kubeconfig)
    if not path.exists():
        pytest.fail(f"no cluster: {path} does not exist (make cluster-up, or set KUBECONFIG)")
    return path


@pytest.fixture(scope="session")
def cluster(kubeconfig: Path) -> Kube:
    return Kube(config.new_client_from_config(str(kubeconfig)), "default")
