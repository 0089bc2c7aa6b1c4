"""Pipelines of a cluster, as the operator would have written their status."""

from __future__ import annotations

from typing import Any

NOW = "2026-11-01T10:00:00Z"
WELL = {
    "Ready": "True", "Available": "True", "Progressing": "False", "Reconciling": "False", "Stalled": "False",
    "Degraded": "False", "ChildrenSeen": "True", "ScalingActive": "True", "SourcesReachable": "True",
    "LabelsAsExpected": "True", "Expected": "True", "SinkReachable": "True",
}  # fmt: skip


def status(backlog: int = 0, **conditions: tuple[str, str]) -> dict[str, Any]:
    """A pipeline that is well but for these: condition -> its status, and its message."""
    told = {name: (value, f"{name} as it should be") for name, value in WELL.items()} | conditions
    return {
        "observedGeneration": 1,
        "conditions": [
            {"type": name, "status": value, "reason": "Because", "message": message, "lastTransitionTime": NOW,
             "observedGeneration": 1}
            for name, (value, message) in told.items()
        ],
        "revision": {"wanted": "abc123", "running": "abc123"},
        "backlog": {"batches": backlog, "bytes": 4096 * backlog, "inFlight": min(backlog, 2), "dead": 0, "oldestAgeSeconds": 7},
        "records": {"read": 1000, "written": 900, "duplicates": 40, "rejected": 50, "filtered": 10, "dead": 0, "pending": 0},
        "fetcher": {"replicas": 1, "ready": 1, "desired": 1},
        "workers": {"replicas": 2, "ready": 2, "desired": 3},
        "scaling": {"replicas": 3, "reason": "38 batches wait: 3 workers clear them", "time": NOW},
    }  # fmt: skip


def resource(
    key: str, seen: dict[str, Any] | None, labels: dict[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    """The object as the API server has it."""
    namespace, name = key.split("/")
    document = {
        "apiVersion": "datacleaning.io/v1beta1",
        "kind": "DataCleaningPipeline",
        "metadata": {"namespace": namespace, "name": name, "labels": labels or {}},
        "spec": {"sources": [{"name": "files", "http": {"url": "http://feed/"}}], "cleaning": {"fields": []}, **spec},
    }
    return document | ({"status": seen} if seen is not None else {})
