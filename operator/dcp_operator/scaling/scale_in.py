"""Scaling in without stopping who works: which pods the ReplicaSet controller removes first, and how many of those
are idle. Pure; scaler.py asks and writes.

The order is that of kubernetes/pkg/controller/controller_utils.go (ActivePodsWithRanks): pods without a node, pending
ones, ones that are not ready, and only then by their deletion cost. So a cost alone spares no busy pod while an idle
one stands: there must be no busy one among those that are not ready either. And the controller sees a cost and a number
of replicas each in its own time: whoever goes bore its cost a look earlier.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from dcp_operator.ground.names import DELETION_COST_ANNOTATION

LEAVING_COST = -100
"""Of an idle pod that was asked to go; everybody else has 0."""

_PHASES = ("Pending", "Unknown", "Running")


@dataclass(frozen=True)
class PodSeen:
    """A worker's pod that is there to stay, as far as its removal depends on it."""

    name: str
    uid: str
    placed: bool
    """Whether it has a node."""
    phase: str
    ready: bool
    cost: int


def pods_seen(documents: Sequence[Mapping[str, Any]]) -> list[PodSeen]:
    """The pods that count as replicas: neither over nor on their way out."""
    return [
        _seen(each)
        for each in documents
        if "deletionTimestamp" not in each["metadata"] and each.get("status", {}).get("phase") in _PHASES
    ]


def in_order_of_removal(pods: Sequence[PodSeen]) -> list[PodSeen]:
    """Who goes first, first."""
    return sorted(pods, key=_rank)


def removable(pods: Sequence[PodSeen], idle: Collection[str], surplus: int) -> list[PodSeen]:
    """The pods that go now, if `surplus` fewer are wanted: those that come first, up to the first that is not idle or
    does not yet bear LEAVING_COST. Where all go, and all are idle, their order does not matter."""
    first = in_order_of_removal(pods)[:surplus]
    if _all_go(pods, idle, surplus):
        return first
    return list(takewhile(lambda each: each.name in idle and each.cost == LEAVING_COST, first))


def costs_to_write(pods: Sequence[PodSeen], idle: Collection[str], surplus: int) -> list[tuple[PodSeen, int]]:
    """The deletion costs that have the idle ones come first, as far as the pods do not bear them yet."""
    if _all_go(pods, idle, surplus):
        return []
    return [(each, cost) for each in pods if (cost := _cost_of(each, idle)) != each.cost]


def _all_go(pods: Sequence[PodSeen], idle: Collection[str], surplus: int) -> bool:
    return surplus >= len(pods) and all(each.name in idle for each in pods)


def _cost_of(pod: PodSeen, idle: Collection[str]) -> int:
    """Who was marked another time, and has come to work again, loses the mark. Costs of others' making stay."""
    if pod.name in idle:
        return LEAVING_COST
    return 0 if pod.cost == LEAVING_COST else pod.cost


def _rank(pod: PodSeen) -> tuple[bool, int, bool, int]:
    return pod.placed, _PHASES.index(pod.phase), pod.ready, pod.cost


def _seen(document: Mapping[str, Any]) -> PodSeen:
    metadata, status = document["metadata"], document["status"]
    cost = (metadata.get("annotations") or {}).get(DELETION_COST_ANNOTATION, "0")
    return PodSeen(
        name=metadata["name"],
        uid=metadata["uid"],
        placed=bool(document["spec"].get("nodeName")),
        phase=status["phase"],
        ready=any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or ()),
        cost=int(cost) if cost.removeprefix("-").isdecimal() else 0,
    )
