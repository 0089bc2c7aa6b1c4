"""Two operators at once: each looks after its own, and nothing of the other's is touched. What lost its owner is adopted."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.kube_api.operated import PIPELINES, image, operated, put_pipeline, ready, replicas, until
from support.kube_api.server import ApiServer

LABEL = "datacleaning.io/instance"


async def test_each_operator_looks_after_its_own_and_a_label_hands_over(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis, "old")
    put_pipeline(server, redis, "blue", labels={LABEL: "blue"})
    put_pipeline(server, redis, "green", labels={LABEL: "green"})
    put_pipeline(server, redis, "nobodys", labels={LABEL: "elsewhere"})
    async with (
        operated(server, tmp_path, monkeypatch, WORKER_IMAGE="w:default") as one,
        operated(server, tmp_path, monkeypatch, WORKER_IMAGE="w:blue", INSTANCE="blue"),
        operated(server, tmp_path, monkeypatch, WORKER_IMAGE="w:green", INSTANCE="green") as other,
    ):
        for name in ("old", "blue", "green"):
            await ready(server, name)
        assert {name: image(server, name) for name in ("old", "blue", "green", "nobodys")} == {
            "old": "w:default", "blue": "w:blue", "green": "w:green", "nobodys": "",
        }  # fmt: skip
        uid = (server.find("deployments", "blue-worker") or {})["metadata"]["uid"]
        writes = len(server.writes)
        put_pipeline(server, redis, "blue", labels={LABEL: "green"})
        await until(lambda: image(server, "blue") == "w:green", "the other one to have it")
        assert (server.find("deployments", "blue-worker") or {})["metadata"]["uid"] == uid
        assert not [each for each in server.writes[writes:] if each.verb == "delete" and each.plural != "configmaps"]
        await ready(server, "blue")
        seen = (0, 0)

        def nobody_fights() -> bool:
            """Two resyncs of each without a write."""
            nonlocal seen
            written, listed = len(server.writes), len(server.asked("list", PIPELINES))
            if written != seen[0]:
                seen = (written, listed)
            return listed > seen[1] + 6

        await until(nobody_fights, "two resyncs of each without a write")
        assert [each.name for each in one.store.pipelines()] == ["old"]
        assert {each.name for each in other.store.pipelines()} == {"blue", "green"}


async def test_children_that_lost_their_owner_are_adopted_and_not_made_anew(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kubectl delete --cascade=orphan`, and the pipeline applied again."""
    put_pipeline(server, redis, spec={"scaling": {"minReplicas": 3}})
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        await until(lambda: replicas(server) == 3, "workers")
    plurals = ("configmaps", "deployments", "services", "serviceaccounts", "networkpolicies", "poddisruptionbudgets")
    kept = {}
    for plural in plurals:
        for each in server.all(plural):
            metadata = {key: value for key, value in each["metadata"].items() if key != "ownerReferences"}
            kept[plural, metadata["name"]] = server.put(plural, {**each, "metadata": metadata})["metadata"]["uid"]
    server.objects.delete((PIPELINES, "feeds", "botnet"))
    theirs = {
        "metadata": {"name": "botnet-mine", "namespace": "feeds", "labels": {"app.kubernetes.io/instance": "botnet"}}
    }
    server.put("configmaps", theirs)
    uid = put_pipeline(server, redis, spec={"scaling": {"minReplicas": 3}})["metadata"]["uid"]
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)

        def owners() -> set[str]:
            found = [server.find(plural, name) or {} for plural, name in kept]
            return {each["uid"] for one in found for each in one["metadata"].get("ownerReferences", ())}

        await until(lambda: owners() == {uid}, "all to be the new one's")
        found = {key: (server.find(*key) or {})["metadata"]["uid"] for key in kept}
        assert found == kept
        assert replicas(server) == 3
        assert not (server.find("configmaps", "botnet-mine") or {})["metadata"].get("ownerReferences")
