"""What befalls one kind in one namespace befalls no other, is told, and heals by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.kube_api.operated import PIPELINES, condition, operated, put_pipeline, ready, until
from support.kube_api.server import ApiServer


def made(server: ApiServer, name: str, namespace: str) -> bool:
    return server.find("deployments", f"{name}-worker", namespace) is not None


@pytest.mark.parametrize("status", [403, 404])
async def test_a_namespace_whose_rights_go_stops_no_other_and_comes_back(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    put_pipeline(server, redis, "one", "a")
    put_pipeline(server, redis, "two", "b")
    async with operated(server, tmp_path, monkeypatch, WATCH_NAMESPACES="a,b") as parties:
        await ready(server, "one", "a")
        await ready(server, "two", "b")
        rule = server.refuse(status, "list,watch", namespace="a")
        server.watch_errors += [{"code": status, "reason": "Forbidden", "message": "gone"}] * 3
        await until(lambda: len(parties.parts.unseen("a")) > 1, "it to be seen that a is not seen")
        put_pipeline(server, redis, "three", "b")
        await ready(server, "three", "b")
        assert parties.parts.unseen("b") == {}
        # Which watches broke first is theirs to choose.
        samples = [each for metric in parties.metrics.registry.collect() for each in metric.samples]
        told = {each.labels["namespace"]: each.value for each in samples if each.name == "dcp_operator_unseen"}
        assert told == {"a": 1}
        rule.lift()
        put_pipeline(server, redis, "four", "a")
        await ready(server, "four", "a")


async def test_a_kind_that_is_no_longer_served_is_a_condition_and_the_pipelines_go_on(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = server.refuse(404, plural="podmonitors", message="the server could not find the requested resource")
    put_pipeline(server, redis)
    async with operated(server, tmp_path, monkeypatch, POD_MONITORS="true"):
        await ready(server)
        await until(lambda: condition(server, "ChildrenSeen")[:2] == ("False", "NotServed"), "the condition")
        assert "podmonitors" in condition(server, "ChildrenSeen")[2]
        rule.lift()
        await until(lambda: condition(server, "ChildrenSeen")[0] == "True", "its end")
        await until(lambda: server.find("podmonitors", "botnet-pods"), "the PodMonitor")


async def test_a_child_of_a_kind_that_may_not_be_seen_is_neither_made_anew_nor_deleted(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis)
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
    server.refuse(403, "list,watch", "deployments")
    before = len(server.asked("apply", "deployments"))
    put_pipeline(server, redis, "another")
    async with operated(server, tmp_path, monkeypatch):
        await until(lambda: server.find("configmaps", "another-spec") or server.all("configmaps"), "other children")
        await until(lambda: condition(server, "ChildrenSeen")[:2] == ("False", "Forbidden"), "the condition")
        assert len(server.asked("apply", "deployments")) == before


async def test_an_object_that_nobody_foresaw_ends_the_watch_of_no_other(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis)
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        metadata = {"name": "odd", "namespace": "feeds", "labels": {"app.kubernetes.io/managed-by": "dcp-operator"},
                    "ownerReferences": "none"}  # fmt: skip
        server.put("services", {"metadata": metadata})
        put_pipeline(server, redis, "later")
        await until(lambda: made(server, "later", "feeds"), "a pipeline that comes later")


@pytest.mark.parametrize(
    ("watched", "labels", "taken"),
    [
        ({"WATCH_NAMESPACES": "team-*,!team-no"}, {}, {"team-a", "team-b"}),
        ({"WATCH_NAMESPACE_SELECTOR": "dcp=yes"}, {"team-no": "yes", "other": "yes"}, {"team-no", "other"}),
        ({"WATCH_NAMESPACES": "!other"}, {}, {"team-a", "team-b", "team-no"}),
    ],
    ids=["patterns", "labels", "all but one"],
)
async def test_namespaces_come_and_go_without_a_restart(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    watched: dict[str, str], labels: dict[str, str], taken: set[str],
) -> None:  # fmt: skip
    everywhere = ["team-a", "team-b", "team-no", "other"]
    for name in everywhere[:2]:
        put_pipeline(server, redis, "p", name)
        server.put("namespaces", {"metadata": {"name": name, "labels": {"dcp": labels.get(name, "no")}}})
    async with operated(server, tmp_path, monkeypatch, **watched) as parties:
        await until(lambda: set(parties.parts.namespaces) == taken & set(everywhere[:2]), "the first namespaces")
        for name in everywhere[2:]:
            put_pipeline(server, redis, "p", name)
            server.put("namespaces", {"metadata": {"name": name, "labels": {"dcp": labels.get(name, "no")}}})
        for name in taken:
            await ready(server, "p", name)
        assert {each["metadata"]["namespace"] for each in server.all("deployments")} == taken
        gone = sorted(taken)[0]
        server.objects.delete(("namespaces", "", gone))
        await until(lambda: set(parties.parts.namespaces) == taken - {gone}, "the namespace to be let go")


async def test_the_crd_may_come_after_the_operator(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = server.refuse(404, plural=PIPELINES)
    async with operated(server, tmp_path, monkeypatch):
        await until(lambda: rule.played > 2, "it to have asked")
        rule.lift()
        put_pipeline(server, redis)
        await ready(server)


async def test_an_etcd_that_was_set_back_is_followed(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis, "old")
    async with operated(server, tmp_path, monkeypatch):
        await ready(server, "old")
        backup = server.objects.snapshot()
        put_pipeline(server, redis, "new")
        put_pipeline(server, redis, "old", spec={"worker": {"maxAttempts": 9}})
        await ready(server, "new")
        server.objects.set_back(backup)
        for _ in range(50):  # versions grow again from there, up to those that were there already
            server.put("namespaces", {"metadata": {"name": "x"}})
        put_pipeline(server, redis, "other")
        await ready(server, "other")
        await until(
            lambda: server.find("deployments", "new-worker") is None, "what the backup does not have to be gone"
        )
        before = len(server.writes)
        put_pipeline(server, redis, "old", spec={"worker": {"maxAttempts": 7}})
        await until(lambda: len(server.writes) > before, "the change of a pipeline to be carried out")


async def test_one_kind_that_never_answers_holds_up_only_its_own_namespace(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis, "one", "a")
    put_pipeline(server, redis, "two", "b")
    server.hang("list", "services", "a")
    async with operated(server, tmp_path, monkeypatch, WATCH_NAMESPACES="a,b"):
        await ready(server, "two", "b")
        assert not made(server, "one", "a")
