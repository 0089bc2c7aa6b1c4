"""What a Job and its pods say of a run; what a container has left behind is not trusted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dcp_operator.tasks.runs import ended, ended_well, result_of, suspended, writer_at_work


def job(name: str = "j", writes: bool = False, suspend: bool = False, **condition: str) -> dict[str, Any]:
    labels = {"datacleaning.io/writes": "true"} if writes else {}
    conditions = [{"status": "True", **condition}] if condition else []
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"suspend": suspend},
        "status": {"conditions": conditions},
    }


def pod(made: str = "1", name: str = "dcp", **terminated: Any) -> dict[str, Any]:
    state = {"terminated": terminated} if terminated else {"running": {}}
    return {"metadata": {"creationTimestamp": made}, "status": {"containerStatuses": [{"name": name, "state": state}]}}


TOLD = json.dumps({"exitCode": 0, "outcome": "fine", "counts": {"read": 3}})


@pytest.mark.parametrize(
    ("condition", "pods", "outcome", "counts", "code"),
    [
        ({"type": "Complete"}, [pod(exitCode=0, message=TOLD)], "fine", {"read": 3}, 0),
        ({"type": "Complete"}, [pod("1", exitCode=1, message="x"), pod("2", exitCode=0, message=TOLD)], "fine", {"read": 3}, 0),
        ({"type": "Complete"}, [], "done; what was counted is not known, for its pod is gone", {}, None),
        ({"type": "Complete"}, [pod(exitCode=0, message="\x1b[2Jhello")], "done", {}, 0),
        ({"type": "Complete"}, [pod(name="other", exitCode=0, message=TOLD)], "done; what was counted is not known, for its pod is gone", {}, None),
        ({"type": "Failed"}, [pod(exitCode=1, message=TOLD)], "its container ended with code 1 (Error); its log says more", {}, 1),
        ({"type": "Failed"}, [pod(exitCode=137, reason="OOMKilled")], "killed for its memory: raise spec.resources.limits.memory", {}, 137),
        ({"type": "Failed", "reason": "DeadlineExceeded"}, [], "ended by spec.timeout", {}, None),
        ({"type": "Failed", "reason": "BackoffLimitExceeded", "message": "no"}, [], "BackoffLimitExceeded: no", {}, None),
        ({"type": "Failed"}, [pod(exitCode=1, message="[" * 4000)], "its container ended with code 1 (Error); its log says more", {}, 1),
        ({"type": "Failed"}, [pod(exitCode=1, message=json.dumps({"exitCode": 1, "outcome": "a", "counts": {"x": "1"}}))], "its container ended with code 1 (Error); its log says more", {}, 1),
    ],
)  # fmt: skip
def test_what_a_run_came_to(
    condition: dict[str, str], pods: list[Any], outcome: str, counts: dict[str, int], code: int | None
) -> None:
    found = result_of(job(**condition), pods)
    assert (found.outcome, found.counts, found.exit_code) == (outcome, counts, code)
    assert ended_well(job(**condition), found) == (condition["type"] == "Complete")


def test_a_message_steers_no_terminal_and_is_cut() -> None:
    message = json.dumps({"exitCode": 1, "outcome": "\x1b[31m" + "x" * 3000})
    found = result_of(job(type="Failed"), [pod(exitCode=1, message=message)])
    assert "\x1b" not in found.outcome
    assert len(found.outcome) == 1024


def ending(name: str, phase: str = "Running", writes: str = "true") -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {"datacleaning.io/writes": writes}}, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("jobs", "pods", "wanted"),
    [
        ([], [], None),
        ([job("a", writes=True)], [], "Job a"),
        ([job("a")], [ending("a-x", writes="false")], None),
        ([job("a", writes=True, suspend=True)], [], None),
        ([job("a", writes=True, type="Failed")], [ending("a-x", "Failed")], None),
        ([job("a", writes=True, type="Complete"), job("b", writes=True), job("c", writes=True)], [], "Job b"),
        ([job("a", writes=True, type="FailureTarget")], [], "Job a"),
        ([], [ending("gone-x")], "pod gone-x"),
        ([], [ending("gone-x", "Pending")], "pod gone-x"),
        ([], [ending("gone-x", "Succeeded")], None),
    ],
)
def test_who_has_to_end_first(jobs: list[Any], pods: list[Any], wanted: str | None) -> None:
    assert writer_at_work(jobs, pods) == wanted


def test_a_suspended_job_that_was_ended_is_over() -> None:
    over = job(suspend=True, type="Failed")
    assert (ended(over), suspended(over), suspended(job(suspend=True))) == ("Failed", False, True)
