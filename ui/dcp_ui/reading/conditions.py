"""How a pipeline of the cluster is, from its conditions as the operator wrote them. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from dcp_pipeline.spec.kubernetes.status import Condition, Status
from dcp_ui.ground.cluster import Resource
from dcp_ui.reading.verdict import Level, Remark, Verdict

WRONG = {
    "Available": ("False", Level.BAD, "No work can be done"),
    "Stalled": ("True", Level.BAD, "It does not go on by itself"),
    "SinkReachable": ("False", Level.BAD, "The sink is not available"),
    "SourcesReachable": ("False", Level.BAD, "A source cannot be read"),
    "Degraded": ("True", Level.WARN, "Something fails, or was given up"),
    "Expected": ("False", Level.WARN, "It is not as expected"),
    "LabelsAsExpected": ("False", Level.WARN, "Labels of a source have changed"),
    "ScalingActive": ("False", Level.WARN, "Workers do not follow the backlog"),
    "ChildrenSeen": ("False", Level.WARN, "The operator may not see all that belongs to it"),
}
"""Condition -> the status that is a trouble, how bad it is, and what is said."""


def judge(resource: Resource) -> Verdict:
    """The worst of its conditions, or what goes on."""
    status = resource.status
    if status is None:
        return Verdict(Level.UNKNOWN)
    remarks = tuple(sorted(_remarks(resource, status), key=lambda each: each.level))
    if remarks:
        return Verdict(remarks[0].level, remarks)
    if not status.conditions:
        return Verdict(Level.UNKNOWN)
    busy = (status.backlog and status.backlog.batches) or (status.records and status.records.pending)
    return Verdict(Level.WORKING if busy or is_now(status, "Progressing", "True") else Level.IDLE)


def is_now(status: Status, kind: str, value: str) -> bool:
    """Whether a condition has this status."""
    return any(each.type == kind and each.status == value for each in status.conditions)


def level_of(condition: Condition) -> Level:
    """For its mark in the list of conditions."""
    wrong = WRONG.get(condition.type)
    if condition.status == "Unknown":
        return Level.UNKNOWN
    if wrong is not None:
        return wrong[1] if condition.status == wrong[0] else Level.IDLE
    return Level.IDLE if condition.status == "True" or condition.type != "Ready" else Level.WARN


def _remarks(resource: Resource, status: Status) -> Iterator[Remark]:
    if resource.state != "Running":
        yield Remark(Level.WARN, "It is held: state {state}", {"state": resource.state})
    told = False
    for each in status.conditions:
        wrong = WRONG.get(each.type)
        if wrong is not None and each.status == wrong[0]:
            told = True
            yield Remark(wrong[1], wrong[2], detail=each.message)
    unready = next((each for each in status.conditions if each.type == "Ready" and each.status == "False"), None)
    if unready and not told and resource.state == "Running" and not is_now(status, "Progressing", "True"):
        yield Remark(Level.WARN, "What the spec asks for is not out", detail=unready.message)
