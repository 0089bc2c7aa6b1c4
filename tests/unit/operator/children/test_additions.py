"""What a pod template may add."""

from __future__ import annotations

from typing import Any

import pytest

from dcp_operator.children.additions import problems_of_additions
from dcp_operator.children.merge import merged
from support.pipelines import pipeline


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"volumes": {}}, "volumes"),
        ({"volumes": ["x"]}, "volumes[0]"),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "volumes[0].hostPath"),
        ({"volumes": [{"name": "secrets", "emptyDir": {}}]}, "volumes[0].name"),
        ({"env": [{"name": "HEALTH_PORT", "value": "1"}]}, "env[0].name"),
        ({"labels": {"app.kubernetes.io/component": "x"}}, "labels"),
        ({"securityContext": {"runAsNonRoot": False}}, "securityContext.runAsNonRoot"),
        ({"securityContext": {"runAsUser": 0}}, "securityContext.runAsUser"),
        ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, "securityContext.seccompProfile.type"),
        ({"containers": [{"name": "worker"}]}, "containers[0].name"),
        ({"containers": [{"name": "x", "securityContext": {"privileged": True}}]},
         "containers[0].securityContext.privileged"),
        ({"initContainers": [{"name": "x", "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]},
         "initContainers[0].securityContext.capabilities.add"),
    ],
)  # fmt: skip
def test_what_would_weaken_or_break_the_pod_is_refused_by_its_path(template: dict[str, Any], path: str) -> None:
    problems = problems_of_additions(pipeline({"worker": {"podTemplate": template}}))
    assert [each.path for each in problems] == [f"spec.worker.podTemplate.{path}"]


@pytest.mark.parametrize(
    "template",
    [
        {},
        {"tolerations": [{"operator": "Exists"}], "priorityClassName": "low", "terminationGracePeriodSeconds": 5},
        {"securityContext": {"runAsUser": 1000, "fsGroup": 1000}},
        {"env": [{"name": "LOG_LEVEL", "value": "debug"}]},
    ],
)
def test_what_is_useful_is_taken(template: dict[str, Any]) -> None:
    assert problems_of_additions(pipeline({"fetcher": {"podTemplate": template}})) == []


def test_resources_are_requests_and_limits() -> None:
    problems = problems_of_additions(pipeline({"fetcher": {"resources": {"limit": {}, "requests": 3}}}))
    assert [each.path for each in problems] == ["spec.fetcher.resources.limit", "spec.fetcher.resources.requests"]


def test_a_volume_may_be_mounted_twice() -> None:
    mounts = [{"name": "tmp", "mountPath": "/one"}, {"name": "tmp", "mountPath": "/two", "subPath": "x"}]
    base = [{"name": "tmp", "mountPath": "/tmp"}, {"name": "spec", "mountPath": "/etc/dcp"}]
    assert merged(base, mounts) == [*base, *mounts]
    assert merged(base, [{"name": "other", "mountPath": "/tmp"}])[0]["name"] == "other"
