"""For how long workers that are wanted have not been ready, from look to look."""

from __future__ import annotations

import math
from dataclasses import replace

from dcp_operator.ground.names import PipelineKey
from dcp_operator.status.none_ready import NoneReady
from dcp_operator.status.seen import DeploymentSeen
from dcp_pipeline.spec.kubernetes.status import Condition, Status
from support.fake_operator import Clock

A, B = PipelineKey("feeds", "a"), PipelineKey("feeds", "b")
STARTING = DeploymentSeen(wanted=3, replicas=3, ready=0, updated=3, settled=True, failure=None)


def test_it_counts_from_the_first_look_without_one_and_anew_after_each_that_was_ready() -> None:
    clock = Clock()
    none_ready = NoneReady(clock.monotonic)
    assert none_ready.seconds(A, STARTING, None) == 0
    clock.seconds += 100
    assert none_ready.seconds(A, replace(STARTING, wanted=5), None) == 100
    assert none_ready.due_in(A) == 20
    assert none_ready.seconds(B, STARTING, None) == 0
    for after in (replace(STARTING, ready=1), replace(STARTING, wanted=0), None):
        assert none_ready.seconds(A, after, None) == 0
        assert none_ready.due_in(A) is None
        assert none_ready.seconds(A, STARTING, None) == 0
        clock.seconds += 121
        assert none_ready.seconds(A, STARTING, None) == 121
        assert none_ready.due_in(A) is None
    none_ready.forget(B)
    assert none_ready.due_in(B) is None


def test_who_takes_over_goes_on_telling_what_the_status_tells() -> None:
    told = Condition("Ready", "False", "WorkersNotReady", "", "2026-10-05T12:00:00Z", 1)
    other = Condition("Ready", "False", "RollingOut", "", "2026-10-05T12:00:00Z", 1)
    clock = Clock()
    assert NoneReady(clock.monotonic).seconds(A, STARTING, Status(1, (told,))) == math.inf
    assert NoneReady(clock.monotonic).seconds(A, STARTING, Status(1, (other,))) == 0
