"""How a pipeline of the cluster is, from its conditions."""

from __future__ import annotations

from typing import Any

import pytest

from dcp_pipeline.spec.kubernetes.status import from_document
from dcp_ui.ground.cluster import Resource
from dcp_ui.reading.conditions import judge
from dcp_ui.reading.verdict import Level
from support.ui_cluster import status


def judged(document: dict[str, Any] | None, state: str = "Running") -> tuple[Level, list[str]]:
    seen = from_document(document) if document else None
    assert document is None or seen is not None
    verdict = judge(Resource("default/botnet", ("files",), state, seen))
    return verdict.level, [each.detail or each.text.format(**each.values) for each in verdict.remarks]


@pytest.mark.parametrize(
    ("document", "state", "level", "told"),
    [
        (None, "Running", Level.UNKNOWN, []),
        ({"observedGeneration": -1}, "Running", Level.UNKNOWN, []),
        (status(), "Running", Level.IDLE, []),
        (status(backlog=3), "Running", Level.WORKING, []),
        (status(Progressing=("True", "pods are renewed"), Ready=("False", "renewed")), "Running", Level.WORKING, []),
        (status(Expected=("False", "files is quiet for 30 h")), "Running", Level.WARN, ["files is quiet for 30 h"]),
        (status(Expected=("Unknown", "nobody judged")), "Running", Level.IDLE, []),
        (status(Degraded=("True", "3 dead"), SinkReachable=("False", "1045")), "Running", Level.BAD, ["1045", "3 dead"]),
        (status(Available=("False", "no worker"), Ready=("False", "no worker")), "Running", Level.BAD, ["no worker"]),
        (status(Ready=("False", "refused by a quota")), "Running", Level.WARN, ["refused by a quota"]),
        (status(backlog=9), "Draining", Level.WARN, ["It is held: state Draining"]),
        (status(ScalingActive=("False", "paused")), "Stopped", Level.WARN, ["It is held: state Stopped", "paused"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_worst_first_and_nothing_wrong_is_idle(
    document: dict[str, Any] | None, state: str, level: Level, told: list[str]
) -> None:
    assert judged(document, state) == (level, told)
