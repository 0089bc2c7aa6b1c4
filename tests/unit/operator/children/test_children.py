"""What belongs to a pipeline."""

from __future__ import annotations

from typing import Any

import pytest

from dcp_operator.children.children import Child, Wanted, children_of
from dcp_operator.children.run_spec import spec_name
from dcp_operator.ground.names import Owner, child_name
from dcp_operator.ground.settings import PodSettings
from dcp_pipeline.spec.parse import parse_pipeline
from support.pipelines import pipeline

VERSIONS = {"feed/key": "1", "redis/password": "2", "mariadb/password": "3"}


def children(changes: dict[str, Any] | None = None, name: str = "botnet", monitors: bool = False) -> dict[str, Child]:
    wanted = Wanted(
        Owner("feeds", name, "uid-1"),
        pipeline(changes, name),
        VERSIONS,
        PodSettings("f", "w", None, monitors),
    )
    spec = spec_name(wanted.pipeline)
    names = {spec: f"{name}-spec"}
    return {f"{each.kind.kind}/{names.get(each.name, each.name)}": each for each in children_of(wanted)}


def test_there_is_one_of_each() -> None:
    assert list(children()) == [
        "ConfigMap/botnet-spec",
        "ServiceAccount/botnet-fetcher",
        "ServiceAccount/botnet-worker",
        "NetworkPolicy/botnet-pods",
        "Service/botnet-fetcher-metrics",
        "Service/botnet-worker-metrics",
        "PodDisruptionBudget/botnet-worker",
        "Deployment/botnet-fetcher",
        "Deployment/botnet-worker",
    ]
    assert "PodMonitor/botnet-pods" in children(monitors=True)


def test_a_worker_deployment_never_says_how_many_it_is_only_born_with_none() -> None:
    worker = children()["Deployment/botnet-worker"]
    assert "replicas" not in worker.document["spec"]
    assert worker.replicas_at_birth == 0


@pytest.mark.parametrize(("paused", "replicas"), [(False, 1), (True, 0)])
def test_a_paused_pipeline_has_no_fetcher(paused: bool, replicas: int) -> None:
    fetcher = children({"paused": paused})["Deployment/botnet-fetcher"].document["spec"]
    assert (fetcher["replicas"], fetcher["strategy"]) == (replicas, {"type": "Recreate"})


def test_every_child_belongs_to_the_pipeline() -> None:
    for each in children().values():
        metadata = each.document["metadata"]
        assert metadata["ownerReferences"][0]["uid"] == "uid-1"
        assert metadata["ownerReferences"][0]["controller"] is True
        assert metadata["labels"]["app.kubernetes.io/instance"] == "botnet"
        assert metadata["namespace"] == "feeds"


def test_the_pods_read_the_very_spec_from_a_map_that_never_changes() -> None:
    found = children()
    document = found["ConfigMap/botnet-spec"].document
    assert parse_pipeline(document["data"]["pipeline.json"]) == pipeline()
    assert document["immutable"] is True
    for component in ("fetcher", "worker"):
        template = found[f"Deployment/botnet-{component}"].document["spec"]["template"]["spec"]
        assert {"name": "spec", "configMap": {"name": document["metadata"]["name"]}} in template["volumes"]


def test_selectors_choose_the_pods_of_their_component_only() -> None:
    found = children()
    for component in ("fetcher", "worker"):
        deployment = found[f"Deployment/botnet-{component}"].document["spec"]
        chosen = deployment["selector"]["matchLabels"]
        assert chosen["app.kubernetes.io/component"] == component
        assert chosen.items() <= deployment["template"]["metadata"]["labels"].items()
        assert found[f"Service/botnet-{component}-metrics"].document["spec"]["selector"] == chosen


def test_pods_are_reached_on_their_metrics_port_only() -> None:
    policy = children()["NetworkPolicy/botnet-pods"].document["spec"]
    assert policy["ingress"] == [{"ports": [{"port": 8080, "protocol": "TCP"}]}]


def test_accounts_have_no_token() -> None:
    assert children()["ServiceAccount/botnet-worker"].document["automountServiceAccountToken"] is False


def test_a_long_name_stays_a_name_and_stays_its_own() -> None:
    names = {child_name("a" * 60 + tail, "fetcher-metrics") for tail in ("", "b", "bb")}
    assert len(names) == 3
    assert all(len(each) <= 63 and each.endswith("-fetcher-metrics") for each in names)
    assert all(len(each.name) <= 63 for each in children(name="a" * 63).values())


def test_an_account_has_the_annotations_by_which_a_cloud_knows_it() -> None:
    found = children({"worker": {"serviceAccountAnnotations": {"iam.example/role": "arn:x"}}})
    assert found["ServiceAccount/botnet-worker"].document["metadata"]["annotations"] == {"iam.example/role": "arn:x"}
    assert "annotations" not in found["ServiceAccount/botnet-fetcher"].document["metadata"]
