"""Which pods a ReplicaSet would remove, and how many of those are idle."""

from __future__ import annotations

from typing import Any

import pytest

from dcp_operator.scaling.scale_in import (
    LEAVING_COST,
    PodSeen,
    costs_to_write,
    in_order_of_removal,
    pods_seen,
    removable,
)


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
    ("marked", "idle", "surplus", "going"),
    [
        ("b", {"b"}, 1, ["b"]),
        ("bc", {"b", "c"}, 1, ["b"]),
        ("b", {"b", "c"}, 2, ["b"]),
        ("b", {"b"}, 2, ["b"]),
        ("", {"b"}, 1, []),
        ("", set(), 2, []),
        ("", {"a", "b", "c"}, 3, ["a", "b", "c"]),
        ("bc", {"b", "c"}, 3, ["b", "c"]),
        ("ab", {"b"}, 1, []),
    ],
)
def test_idle_pods_go_that_bore_their_mark_already_or_all_at_once(
    marked: str, idle: set[str], surplus: int, going: list[str]
) -> None:
    pods = [pod(name, cost=LEAVING_COST if name in marked else 0) for name in "abc"]
    assert [each.name for each in removable(pods, idle, surplus)] == going


def test_a_busy_pod_that_is_not_ready_holds_everybody_back_for_it_would_be_the_first_to_go() -> None:
    pods = [pod("idle", cost=LEAVING_COST), pod("busy", ready=False)]
    assert removable(pods, {"idle"}, 1) == []
    idle_too = [pods[0], pod("busy", ready=False, cost=LEAVING_COST)]
    assert [each.name for each in removable(idle_too, {"idle", "busy"}, 1)] == ["busy"]


def test_who_was_marked_another_time_and_works_again_loses_the_mark_before_anybody_goes() -> None:
    pods = [pod("was-marked", cost=LEAVING_COST), pod("idle"), pod("theirs", cost=7)]
    assert removable(pods, {"idle"}, 1) == []
    written = {each.name: cost for each, cost in costs_to_write(pods, {"idle"}, 1)}
    assert written == {"was-marked": 0, "idle": LEAVING_COST}


def test_a_cost_that_somebody_else_has_set_is_heeded() -> None:
    pods = [pod("theirs", cost=LEAVING_COST - 1), pod("idle", cost=LEAVING_COST)]
    assert removable(pods, {"idle"}, 1) == []


def test_no_cost_is_written_when_all_go_or_nobody_is_idle() -> None:
    pods = [pod("a"), pod("b")]
    assert costs_to_write(pods, {"a", "b"}, 2) == costs_to_write(pods, set(), 1) == []


def test_pods_on_their_way_out_and_finished_ones_do_not_count() -> None:
    def document(name: str, phase: str = "Running", **metadata: Any) -> dict[str, Any]:
        status = {"phase": phase, "conditions": [{"type": "Ready", "status": "True"}]}
        return {"metadata": {"name": name, "uid": name, **metadata}, "spec": {"nodeName": "n"}, "status": status}

    cost = {"controller.kubernetes.io/pod-deletion-cost": "-100"}
    seen = pods_seen(
        [document("here", annotations=cost), document("going", deletionTimestamp="now"), document("over", "Succeeded")]
    )
    assert seen == [PodSeen("here", "here", True, "Running", True, LEAVING_COST)]
