"""Data flows while everything that a cluster does to pods is done to a pipeline: no record is lost, none is doubled.

`make chaos-cluster` plays more of it: docs/faults.md.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.chaos.play import last_line, play
from e2e.chaos.scene import scene_on
from e2e.support.stage import Stage

SEED = 1


@pytest.mark.timeout(1200)
def test_a_round_of_every_fault_loses_and_doubles_nothing(stage: Stage, tmp_path: Path) -> None:
    # Other tests run on the same node, so a drain does not close it.
    with scene_on(stage, tmp_path, cordons=False) as scene:
        outcome = play(scene, SEED)
    print(last_line([outcome]))
    assert outcome.verdict.good, "\n".join(outcome.verdict.findings)
