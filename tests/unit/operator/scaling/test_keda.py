"""What KEDA is told: the ScaledObject, and which secrets it needs for the queue's server."""

from __future__ import annotations

from typing import Any

import pytest

from dcp_operator.children.children import Wanted
from dcp_operator.ground.names import Owner
from dcp_operator.ground.settings import PodSettings
from dcp_operator.scaling.keda import keda_children
from support.pipelines import pipeline

ADDRESS = "redis.feeds.svc:6379"


def documents(**changes: Any) -> dict[str, dict[str, Any]]:
    """Kind -> document, of a pipeline that KEDA scales."""
    changes["scaling"] = {"engine": "keda", **changes.get("scaling", {})}
    wanted = Wanted(Owner("feeds", "botnet", "uid-1"), pipeline(changes), {}, PodSettings("f:1", "w:1"))
    return {each.kind.kind: dict(each.document) for each in keda_children(wanted)}


def trigger(**changes: Any) -> dict[str, Any]:
    (only,) = documents(**changes)["ScaledObject"]["spec"]["triggers"]
    assert only["type"] == "redis"
    return dict(only)


def test_keda_counts_all_batches_that_are_not_done_by_the_key_that_holds_just_these() -> None:
    metadata = trigger(scaling={"backlogPerWorker": 7})["metadata"]
    assert metadata == {
        "address": ADDRESS, "databaseIndex": "0", "listName": "{feeds.botnet}:age", "listLength": "7"
    }  # fmt: skip


def test_the_secret_is_the_one_that_the_pods_use() -> None:
    authentication = documents()["TriggerAuthentication"]
    assert authentication["spec"]["secretTargetRef"] == [{"parameter": "password", "name": "redis", "key": "password"}]
    assert trigger()["authenticationRef"] == {"name": authentication["metadata"]["name"]}


def test_without_secrets_there_is_nothing_to_authenticate_with() -> None:
    found = documents(queue={"redis": {"password": None}})
    assert list(found) == ["ScaledObject"]
    assert "authenticationRef" not in found["ScaledObject"]["spec"]["triggers"][0]


@pytest.mark.parametrize(
    ("redis", "told"),
    [
        ({"url": "rediss://other.example:7000/3"}, {"enableTLS": "true", "address": "other.example:7000"}),
        ({"username": "me", "url": "redis://redis/2"}, {"username": "me", "databaseIndex": "2", "address": ADDRESS}),
        ({"tls": {"insecureSkipVerify": True}}, {"enableTLS": "true", "unsafeSsl": "true"}),
    ],
)
def test_the_server_is_named_as_keda_s_scaler_wants_it(redis: dict[str, Any], told: dict[str, str]) -> None:
    metadata = trigger(queue={"redis": redis})["metadata"]
    assert {key: metadata.get(key) for key in told} == told


def of_kind(redis: dict[str, Any]) -> tuple[str, dict[str, str]]:
    (only,) = documents(queue={"redis": redis})["ScaledObject"]["spec"]["triggers"]
    return only["type"], only["metadata"]


def test_behind_sentinels_it_is_the_trigger_that_asks_them() -> None:
    theirs = {"username": "watcher", "password": {"secretKeyRef": {"name": "sentinels", "key": "word"}}}
    redis = {"url": "redis+sentinel://dcp@s1,s2.feeds:5/mymaster/2", "sentinel": theirs}
    assert of_kind(redis) == (
        "redis-sentinel",
        {
            "addresses": "s1.feeds.svc:26379,s2.feeds.svc:5",
            "sentinelMaster": "mymaster",
            "sentinelUsername": "watcher",
            "username": "dcp",
            "databaseIndex": "2",
            "listName": "{feeds.botnet}:age",
            "listLength": "20",
        },
    )
    targets = documents(queue={"redis": redis})["TriggerAuthentication"]["spec"]["secretTargetRef"]
    assert {each["parameter"]: each["name"] for each in targets} == {
        "password": "redis", "sentinelPassword": "sentinels"
    }  # fmt: skip


def test_in_a_cluster_it_is_the_trigger_that_knows_its_servers() -> None:
    assert of_kind({"url": "rediss+cluster://c1,[fd00::1]:7001"}) == (
        "redis-cluster",
        {
            "addresses": "c1.feeds.svc:6379,[fd00::1]:7001",
            "enableTLS": "true",
            "listName": "{feeds.botnet}:age",
            "listLength": "20",
        },
    )


def test_certificates_come_from_their_secrets_too() -> None:
    tls = {name: {"secretKeyRef": {"name": "tls", "key": f"{name}.pem"}} for name in ("ca", "cert", "key")}
    targets = documents(queue={"redis": {"tls": tls}})["TriggerAuthentication"]["spec"]["secretTargetRef"]
    assert {each["parameter"]: each["key"] for each in targets if each["name"] == "tls"} == {
        "ca": "ca.pem", "cert": "cert.pem", "key": "key.pem"
    }  # fmt: skip


def test_bounds_cooldown_fallback_and_behavior_are_the_spec_s() -> None:
    behavior = {
        "scaleUp": {"policies": [{"type": "Pods", "value": 2, "periodSeconds": 15}], "selectPolicy": "Min"},
        "scaleDown": {"stabilizationWindowSeconds": 90},
    }
    scaling = {
        "minReplicas": 1, "maxReplicas": 6, "cooldown": "45s", "fallback": {"replicas": 3}, "behavior": behavior
    }  # fmt: skip
    spec = documents(scaling=scaling)["ScaledObject"]["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"], spec["cooldownPeriod"]) == (1, 6, 45)
    assert spec["fallback"] == {"failureThreshold": 3, "replicas": 3}
    told = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert told["scaleUp"]["policies"] == behavior["scaleUp"]["policies"]
    assert (told["scaleUp"]["selectPolicy"], told["scaleDown"]["stabilizationWindowSeconds"]) == ("Min", 90)


def test_a_paused_pipeline_may_go_down_to_none() -> None:
    assert documents(paused=True, scaling={"minReplicas": 2})["ScaledObject"]["spec"]["minReplicaCount"] == 0


def test_by_the_operator_itself_nothing_of_keda_is_made() -> None:
    assert documents(scaling={"engine": "auto"}) == {}
