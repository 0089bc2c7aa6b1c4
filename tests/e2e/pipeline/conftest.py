"""Each module has a stage of its own, so that modules run side by side (pytest -n 4 --dist loadfile)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.operator.kube import Kube
from e2e.support.forward import kubectl
from e2e.support.stage import Stage, staged

STORIES = Path(__file__).parents[3] / "build" / "e2e"
"""What went on where a test failed: the output of a teardown that passes is shown by nobody."""


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest, cluster: Kube, kubeconfig: Path) -> Iterator[Stage]:
    failed = request.session.testsfailed
    title = request.module.__name__.rpartition("test_")[2].replace("_", "-")
    with staged(cluster, kubectl(kubeconfig), title) as stage:
        yield stage
        if request.session.testsfailed > failed:
            STORIES.mkdir(parents=True, exist_ok=True)
            (STORIES / f"{title}.txt").write_text(stage.story())
