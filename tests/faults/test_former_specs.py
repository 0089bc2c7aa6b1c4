"""An old pod keeps its old spec: ConfigMaps are immutable, named by their digest, and go when nobody reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.kube_api.operated import operated, put_pipeline, ready, replicas, until
from support.kube_api.server import ApiServer

CHANGED = {"worker": {"maxAttempts": 9}}
LABELS = {"app.kubernetes.io/name": "datacleaningpipeline", "app.kubernetes.io/instance": "botnet"}


def specs(server: ApiServer) -> set[str]:
    return {each["metadata"]["name"] for each in server.all("configmaps")}


def named(server: ApiServer, component: str = "worker") -> str:
    """The one that a Deployment's pods read."""
    volumes = (server.find("deployments", f"botnet-{component}") or {})["spec"]["template"]["spec"]["volumes"]
    return str(next(each["configMap"]["name"] for each in volumes if each["name"] == "spec"))


async def test_a_former_spec_is_there_until_no_pod_of_it_is(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis)
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        before = named(server)
        assert specs(server) == {before}
        assert server.all("configmaps")[0]["immutable"] is True
        pod: dict[str, Any] = {
            "metadata": {"name": "botnet-worker-old", "namespace": "feeds", "labels": LABELS},
            "spec": {"volumes": [{"name": "spec", "configMap": {"name": before}}]},
        }
        server.put("pods", pod)
        put_pipeline(server, redis, spec=CHANGED)
        await until(lambda: named(server) != before and named(server) == named(server, "fetcher"), "the change")
        asked = len(server.asked("list", "pods"))
        await until(lambda: len(server.asked("list", "pods")) > asked + 1, "it to have looked for readers")
        assert specs(server) == {before, named(server)}
        server.objects.delete(("pods", "feeds", "botnet-worker-old"))
        await until(lambda: specs(server) == {named(server)}, "the former spec to go")


async def test_a_change_that_does_not_come_up_leaves_the_former_spec_to_pods_that_are_made_anew(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis, spec={"scaling": {"minReplicas": 2}})
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        await until(lambda: replicas(server) == 2, "workers")
        before = named(server)
        server.objects.pods_come_up = False
        put_pipeline(server, redis, spec={"scaling": {"minReplicas": 2}, **CHANGED})
        await until(lambda: named(server) != before, "the change")
        listed = len(server.asked("list", "configmaps"))
        await until(lambda: len(server.asked("list", "configmaps")) > listed + 2, "some resyncs")
        assert before in specs(server)


async def test_an_older_operators_map_is_a_former_spec(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is deleted once its pods are gone; an operator that is set back finds its own to be missing and makes it."""
    uid = put_pipeline(server, redis)["metadata"]["uid"]
    metadata = {
        "name": "botnet-spec", "namespace": "feeds",
        "labels": {**LABELS, "app.kubernetes.io/managed-by": "dcp-operator"},
        "ownerReferences": [{"uid": uid, "controller": True}],
    }  # fmt: skip
    server.put("configmaps", {"metadata": metadata, "data": {"pipeline.json": "{}"}})
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        await until(lambda: specs(server) == {named(server)}, "the older one to go")


@pytest.mark.parametrize(("rotation", "rolled"), [("Restart", True), ("Reload", False)])
async def test_pods_are_renewed_by_a_key_that_they_use_and_as_the_spec_says(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rotation: str, rolled: bool
) -> None:
    monkeypatch.setattr("dcp_operator.cluster.secret_reader.FRESH_SECONDS", 0.0)
    put_pipeline(server, redis, spec={"rotation": rotation})
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        secret = server.find("secrets", "mariadb") or {}
        before = len(server.asked("apply", "deployments"))
        server.put("secrets", {**secret, "data": {**secret["data"], "another": "c2VjcmV0"}})
        asked = len(server.asked("get", "secrets"))
        await until(lambda: len(server.asked("get", "secrets")) > asked + 6, "the Secrets to have been read")
        assert len(server.asked("apply", "deployments")) == before, "a key that nobody uses"
        server.put("secrets", {**secret, "data": {"password": "YW5vdGhlcg=="}})
        asked = len(server.asked("get", "secrets"))
        await until(lambda: len(server.asked("get", "secrets")) > asked + 6, "the Secrets to have been read")
        await ready(server)
        assert (len(server.asked("apply", "deployments")) > before) is rolled
