"""Which pods a ReplicaSet would remove, and how many of those are idle."""

from __future__ import annotations

from typing import Any

import pytest

from dcp_operator.scale_in import LEAVING_COST, PodSeen, costs_to_write, in_order_of_removal, pods_seen, removable


def pod(name: str, ready: bool = True, phase: str = "Running", placed: bool = True, cost: int = 0) -> PodSeen:
    return PodSeen(name, f"uid-{name}", placed, phase, ready, cost)


def test_pods_go_in_the_order_of_the_replica_set_controller() -> None:
    pods = [
        pod("dear", cost=10),
        pod("plain"),
        pod("cheap", cost=-1),
        pod("unready", ready=False, cost=10),
        pod("pending", ready=False, phase="Pending"),
        pod("unplaced", ready=False, phase="Pending", placed=False),
    ]
    names = [each.name for each in in_order_of_removal(pods)]
    assert names == ["unplaced", "pending", "unready", "cheap", "plain", "dear"]


@pytest.mark.parametrize(
    ("idle", "surplus", "going"),
    [
        ({"b"}, 1, ["b"]),
        ({"b", "c"}, 1, ["b"]),
        ({"a", "b", "c"}, 3, ["a", "b", "c"]),
        ({"b"}, 2, ["b"]),
        (set(), 2, []),
    ],
)
def test_only_idle_pods_go(idle: set[str], surplus: int, going: list[str]) -> None:
    assert [each.name for each in removable([pod("a"), pod("b"), pod("c")], idle, surplus)] == going


def test_a_busy_pod_that_is_not_ready_holds_everybody_back_for_it_would_be_the_first_to_go() -> None:
    pods = [pod("idle"), pod("busy", ready=False)]
    assert removable(pods, {"idle"}, 1) == []
    assert [each.name for each in removable(pods, {"idle", "busy"}, 1)] == ["busy"]


def test_who_was_marked_another_time_and_works_again_loses_the_mark_and_stays() -> None:
    pods = [pod("was-marked", cost=LEAVING_COST), pod("idle"), pod("theirs", cost=7)]
    going = removable(pods, {"idle"}, 1)
    assert [each.name for each in going] == ["idle"]
    written = {each.name: cost for each, cost in costs_to_write(pods, {"idle"}, going)}
    assert written == {"was-marked": 0, "idle": LEAVING_COST}


def test_a_cost_that_somebody_else_has_set_is_heeded() -> None:
    pods = [pod("theirs", cost=LEAVING_COST - 1), pod("idle")]
    assert removable(pods, {"idle"}, 1) == []


def test_no_cost_is_written_when_all_go_or_nobody_does() -> None:
    pods = [pod("a"), pod("b")]
    assert costs_to_write(pods, {"a", "b"}, pods) == costs_to_write(pods, {"a"}, []) == []


def test_pods_on_their_way_out_and_finished_ones_do_not_count() -> None:
    def document(name: str, phase: str = "Running", **metadata: Any) -> dict[str, Any]:
        status = {"phase": phase, "conditions": [{"type": "Ready", "status": "True"}]}
        return {"metadata": {"name": name, "uid": name, **metadata}, "spec": {"nodeName": "n"}, "status": status}

    cost = {"controller.kubernetes.io/pod-deletion-cost": "-100"}
    seen = pods_seen(
        [document("here", annotations=cost), document("going", deletionTimestamp="now"), document("over", "Succeeded")]
    )
    assert seen == [PodSeen("here", "here", True, "Running", True, LEAVING_COST)]
