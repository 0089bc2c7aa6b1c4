"""What a pod template may add, found before anything is out."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from dcp_operator.children.merge import merged
from dcp_pipeline.spec.errors import SpecInvalid
from dcp_pipeline.spec.parse import pipeline_of
from support.pipelines import pipeline, resource

SIDECAR = {"name": "x", "image": "x:1"}


def problems(component: str, part: dict[str, Any]) -> dict[str, str]:
    """Path -> message."""
    document = resource({component: part})
    document["metadata"] = {"name": "botnet", "namespace": "feeds"}
    with pytest.raises(SpecInvalid) as refused:
        pipeline_of(document)
    return {each.path: each.message for each in refused.value.problems}


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"hostPID": True}, "hostPID"),
        ({"volumes": {}}, "volumes"),
        ({"volumes": ["x"]}, "volumes[0]"),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "volumes[0].hostPath"),
        ({"volumes": [{"name": "v"}]}, "volumes[0]"),
        ({"volumes": [{"name": "v", "emptyDir": {}, "secret": {"secretName": "s"}}]}, "volumes[0]"),
        ({"volumes": [{"name": "secrets", "emptyDir": {}}]}, "volumes[0].name"),
        ({"env": [{"name": "HEALTH_PORT", "value": "1"}]}, "env[0].name"),
        ({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}, "env[1].name"),
        ({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s"}}}]}, "env[0].valueFrom.secretKeyRef.key"),
        ({"env": [{"name": "A", "value": 5}]}, "env[0].value"),
        ({"labels": {"app.kubernetes.io/component": "x"}}, "labels"),
        ({"securityContext": {"runAsNonRoot": False}}, "securityContext.runAsNonRoot"),
        ({"securityContext": {"runAsUser": 0}}, "securityContext.runAsUser"),
        ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, "securityContext.seccompProfile.type"),
        ({"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}, "securityContext.sysctls[0].name"),
        ({"containers": [{"name": "worker"}]}, "containers[0].name"),
        ({"containers": [{**SIDECAR, "securityContext": {"privileged": True}}]},
         "containers[0].securityContext.privileged"),
        ({"initContainers": [{**SIDECAR, "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}]},
         "initContainers[0].securityContext.capabilities.add[0]"),
        ({"containers": [{**SIDECAR, "ports": [{"containerPort": 80, "hostPort": 80}]}]},
         "containers[0].ports[0].hostPort"),
        ({"containers": [SIDECAR, SIDECAR]}, "containers[1].name"),
        ({"tolerations": [{"key": "a", "effekt": "NoSchedule"}]}, "tolerations[0].effekt"),
        ({"tolerations": [{"operator": "Exits"}]}, "tolerations[0].operator"),
        ({"nodeselector": {"a": "b"}}, "nodeselector"),
        ({"volumeMounts": [{"name": "tmp", "mountPath": "/etc/dcp/"}]}, "volumeMounts[0].mountPath"),
        ({"volumeMounts": [{"name": "tmp", "mountpath": "/x", "mountPath": "/y"}]}, "volumeMounts[0].mountpath"),
    ],
)  # fmt: skip
def test_what_would_weaken_or_break_the_pod_is_refused_by_its_path(template: dict[str, Any], path: str) -> None:
    assert list(problems("worker", {"podTemplate": template})) == [f"spec.worker.podTemplate.{path}"]


def test_a_typo_is_told_with_what_was_meant() -> None:
    template = {"containers": [{**SIDECAR, "resources": {"limits": {"memory": "1Gb"}}, "volumeMount": []}]}
    assert problems("fetcher", {"podTemplate": template}) == {
        "spec.fetcher.podTemplate.containers[0].volumeMount": "is not a known field; did you mean 'volumeMounts'?",
        "spec.fetcher.podTemplate.containers[0].resources.limits.memory": "is '1Gb'; a quantity such as 500m, 256Mi "
        "or 2 is wanted",
    }


@pytest.mark.parametrize(
    "template",
    [
        {},
        {"tolerations": [{"operator": "Exists"}], "priorityClassName": "low", "terminationGracePeriodSeconds": 5},
        {"securityContext": {"runAsUser": 1000, "fsGroup": 1000}},
        {"env": [{"name": "LOG_LEVEL", "value": "debug"}]},
        {"containers": [{**SIDECAR, "livenessProbe": {"httpGet": {"port": "metrics", "path": "/"}}}]},
        {"initContainers": [{**SIDECAR, "restartPolicy": "Always", "args": ["-c", "x" * 5000]}]},
        {"volumes": [{"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {"anything": 1}}}}]},
        {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "gen", "operator": "Gt", "values": ["3"]}]}]}}}},
    ],
)  # fmt: skip
def test_what_is_useful_is_taken(template: dict[str, Any]) -> None:
    kept = deepcopy(template)
    assert pipeline({"fetcher": {"podTemplate": template}}).spec.fetcher.pod_template == kept


@pytest.mark.parametrize(
    ("resources", "paths"),
    [
        ({"limit": {}, "requests": 3}, ["limit", "requests"]),
        ({"limits": {"memroy": "1Gi"}}, ["limits.memroy"]),
        ({"limits": {"cpu": 0.5}}, ["limits.cpu"]),
        ({"requests": {"cpu": "1500m"}, "limits": {"cpu": 1}}, ["requests.cpu"]),
        ({"requests": {"memory": "1025Mi"}, "limits": {"memory": "1Gi"}}, ["requests.memory"]),
    ],
)
def test_resources_are_requests_and_limits_of_what_there_is(resources: dict[str, Any], paths: list[str]) -> None:
    assert list(problems("fetcher", {"resources": resources})) == [f"spec.fetcher.resources.{each}" for each in paths]


@pytest.mark.parametrize(
    "resources",
    [
        {"limits": {"example.com/gpu": 1, "hugepages-2Mi": "4Mi"}},
        {"requests": {"cpu": ".5"}, "limits": {"cpu": "500m"}},
    ],
)
def test_resources_that_are_of_use_are_taken(resources: dict[str, Any]) -> None:
    assert pipeline({"worker": {"resources": resources}}).spec.worker.resources == resources


def test_a_volume_may_be_mounted_twice() -> None:
    mounts = [{"name": "tmp", "mountPath": "/one"}, {"name": "tmp", "mountPath": "/two", "subPath": "x"}]
    base = [{"name": "tmp", "mountPath": "/tmp"}, {"name": "spec", "mountPath": "/etc/dcp"}]
    assert merged({"volumeMounts": base}, {"volumeMounts": mounts}) == {"volumeMounts": [*base, *mounts]}
    over = merged({"volumeMounts": base}, {"volumeMounts": [{"name": "other", "mountPath": "/tmp"}]})
    assert over["volumeMounts"][0]["name"] == "other"


def test_lists_are_merged_by_the_keys_that_kubernetes_merges_them_by() -> None:
    ports = [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53, "protocol": "TCP", "name": "a"}]
    over = [{"containerPort": 53, "name": "b"}]
    assert merged({"ports": ports}, {"ports": over})["ports"] == [
        ports[0], {"containerPort": 53, "protocol": "TCP", "name": "b"}
    ]  # fmt: skip
    spread = {"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 1}
    other = {**spread, "whenUnsatisfiable": "ScheduleAnyway"}
    field = "topologySpreadConstraints"
    assert merged({field: [spread]}, {field: [other]})[field] == [spread, other]
    assert merged({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "b"}]})["tolerations"] == [{"key": "b"}]
    assert merged({"args": ["a"]}, {"args": ["b"]})["args"] == ["b"]
