"""A pipeline resource as the Kubernetes API has it, for the operator's tests."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from dcp_pipeline.spec.model import Pipeline
from dcp_pipeline.spec.parse import pipeline_of

SPEC: dict[str, Any] = {
    "sources": [
        {
            "name": "sinkhole",
            "http": {
                "url": "http://feed:8000/sinkhole/",
                "headers": [{"name": "X-Key", "valueFrom": {"secretKeyRef": {"name": "feed", "key": "key"}}}],
            },
        }
    ],
    "queue": {
        "redis": {"url": "redis://redis:6379/0", "password": {"secretKeyRef": {"name": "redis", "key": "password"}}}
    },
    "cleaning": {"fields": [{"name": "src_ip", "type": "ip"}, {"name": "country"}], "unique": ["src_ip"]},
    "sink": {
        "sql": {
            "url": "mysql+pymysql://dcp@mariadb/clean",
            "table": "botnet",
            "password": {"secretKeyRef": {"name": "mariadb", "key": "password"}},
        }
    },
}


def resource(changes: Mapping[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """The resource, with changes laid over its spec (a None takes a field away)."""
    return {
        "apiVersion": "datacleaning.io/v1beta1",
        "kind": "DataCleaningPipeline",
        "metadata": {
            "name": "botnet",
            "namespace": "feeds",
            "uid": "uid-1",
            "generation": 1,
            "resourceVersion": "10",
            **metadata,
        },
        "spec": _over(deepcopy(SPEC), changes or {}),
    }


def pipeline(changes: Mapping[str, Any] | None = None, name: str = "botnet") -> Pipeline:
    """The same, parsed."""
    document = resource(changes, name=name)
    document["metadata"] = {"name": name, "namespace": document["metadata"]["namespace"]}
    return pipeline_of(document)


def _over(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in changes.items():
        if value is None:
            base.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(base.get(key), dict):
            _over(base[key], value)
        else:
            base[key] = value
    return base
