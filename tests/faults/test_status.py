"""The status is true: every refusal is told, and Ready speaks of the revision that was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.kube_api.operated import PIPELINES, condition, operated, put_pipeline, ready, replicas, resyncs, until
from support.kube_api.server import ApiServer

CHANGED = {"worker": {"maxAttempts": 9}}


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, "exceeded quota: pods"),
        (403, 'admission webhook "gatekeeper" denied the request: ' + "x" * 20_000),
        (409, "the object has been modified"),
        (413, "Request entity too large"),
        (422, "spec.template.spec.volumes[4]: Invalid value"),
        (500, "no such field volumeMount"),
    ],
)
async def test_every_refusal_is_a_condition_with_kind_and_name_an_event_and_a_metric(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, message: str
) -> None:
    put_pipeline(server, redis)
    async with operated(server, tmp_path, monkeypatch) as parties:
        await ready(server)
        rule = server.refuse(status, "apply", "deployments", message=message)
        put_pipeline(server, redis, spec=CHANGED)
        await until(lambda: condition(server, "Ready")[:2] == ("False", "ChildRejected"), "the condition", 90)
        told = condition(server, "Ready")[2]
        assert told.startswith("Deployment botnet-")
        assert message[:40] in told
        assert len(told) <= 8192
        assert condition(server, "Stalled")[0] == "True"
        assert condition(server, "Available")[0] == "True", "the former pods go on"
        await until(lambda: [each for each in server.all("events") if each["reason"] == "ChildRejected"], "the Event")
        labels = {"namespace": "feeds", "pipeline": "botnet", "kind": "Deployment", "code": str(status)}
        assert parties.metrics.registry.get_sample_value("dcp_operator_refusals_total", labels)
        rule.lift()
        await ready(server)


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"podTemplate": {"volumeMounts": [{"name": "tmp", "mountpath": "/x"}]}}, "volumeMounts[0].mountpath"),
        ({"podTemplate": {"containers": [{"name": "p", "image": "p:1", "enw": []}]}}, "containers[0].enw"),
        ({"resources": {"limits": {"memory": "1Gb"}}}, "resources.limits.memory"),
    ],
)
async def test_a_typo_in_what_is_added_to_the_pod_is_told_by_its_path_and_nothing_of_it_is_out(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: dict[str, Any], path: str
) -> None:
    """An API server that prunes nothing, as one with an older CRD."""
    put_pipeline(server, redis)
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        before = len(server.asked("apply", "deployments"))
        put_pipeline(server, redis, spec={"worker": part})
        await until(lambda: condition(server, "Ready")[:2] == ("False", "InvalidSpec"), "the condition")
        assert path in condition(server, "Ready")[2]
        assert len(server.asked("apply", "deployments")) == before
        assert condition(server, "Available")[0] == "True"


async def test_ready_right_after_a_change_is_true_only_once_the_change_is_out(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis)
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        before = (server.find(PIPELINES, "botnet") or {})["status"]
        assert before["revision"]["wanted"] == before["revision"]["running"]
        server.objects.pods_come_up = False
        generation = put_pipeline(server, redis, spec=CHANGED)["metadata"]["generation"]
        told: list[tuple[str, str]] = []

        def out() -> bool:
            """As `kubectl wait --for=condition=Ready`: a condition counts that was found for this generation."""
            found = (server.find(PIPELINES, "botnet") or {})["status"]["conditions"]
            mine = next(each for each in found if each["type"] == "Ready")
            if mine["observedGeneration"] < generation:
                return False
            told.append((mine["status"], mine["reason"]))
            return True

        await until(out, "the change to be looked at")
        assert told == [("False", "RollingOut")]
        assert condition(server, "Reconciling")[0] == "True"
        between = (server.find(PIPELINES, "botnet") or {})["status"]["revision"]
        assert between["running"] == before["revision"]["running"]
        assert between["wanted"] != between["running"]
        server.objects.pods_come_up = True
        for name in ("fetcher", "worker"):
            server.put("deployments", server.find("deployments", f"botnet-{name}") or {})
        await ready(server)
        after = (server.find(PIPELINES, "botnet") or {})["status"]["revision"]
        assert after == {"wanted": between["wanted"], "running": between["wanted"]}


async def test_pods_that_crash_are_told_with_the_kubelets_words(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis, spec={"scaling": {"minReplicas": 1}})
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        labels = (server.find("deployments", "botnet-worker") or {})["spec"]["template"]["metadata"]["labels"]
        waiting = {"reason": "CrashLoopBackOff", "message": "back-off 5m0s\x1b[31m"}
        container = {"name": "worker", "state": {"waiting": waiting}, "lastState": {"terminated": {"exitCode": 70}}}
        pod = {"metadata": {"name": "botnet-worker-x", "namespace": "feeds", "labels": labels},
               "status": {"phase": "Running", "containerStatuses": [container]}, "spec": {}}  # fmt: skip
        server.put("pods", pod)
        worker = server.find("deployments", "botnet-worker") or {}
        server.objects.pods_come_up = False
        server.put("deployments", {**worker, "status": {**worker["status"], "readyReplicas": 0}})
        await until(lambda: condition(server, "Ready")[:2] == ("False", "PodsFailing"), "the condition")
        told = condition(server, "Ready")[2]
        assert "CrashLoopBackOff (it ended with code 70)" in told
        assert "\x1b" not in told


async def test_workers_that_run_and_never_become_ready_are_told_also_by_the_next_process(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the database is away: the containers run, and their readiness fails."""
    monkeypatch.setattr("dcp_operator.status.seen.WORKERS_GRACE_SECONDS", 1.0)
    put_pipeline(server, redis, spec={"scaling": {"minReplicas": 3}})
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        await until(lambda: replicas(server) == 3, "the three")
        server.objects.pods_come_up = False
        worker = server.find("deployments", "botnet-worker") or {}
        server.put("deployments", {**worker, "status": {**worker["status"], "readyReplicas": 0}})
        await until(lambda: condition(server, "Ready")[:2] == ("False", "WorkersNotReady"), "the condition")
        assert condition(server, "Available")[:2] == ("False", "WorkersNotReady")
        assert "none of the 3 workers" in condition(server, "Ready")[2]
        await until(lambda: [each for each in server.all("events") if each["reason"] == "WorkersNotReady"], "the Event")
    monkeypatch.setattr("dcp_operator.status.seen.WORKERS_GRACE_SECONDS", 3600.0)
    async with operated(server, tmp_path, monkeypatch):
        await resyncs(server)
        assert condition(server, "Ready")[1] == "WorkersNotReady"
        server.objects.pods_come_up = True
        server.put("deployments", server.find("deployments", "botnet-worker") or {})
        await ready(server)


async def test_a_scale_that_is_refused_is_told_and_tried_again(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis)
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        rule = server.refuse(403, "apply", message="exceeded quota", also=lambda each: each.sub == "scale")
        put_pipeline(server, redis, spec={"scaling": {"minReplicas": 2}})
        await until(lambda: condition(server, "ScalingActive")[:2] == ("False", "ScaleRejected"), "the condition")
        assert "exceeded quota" in condition(server, "ScalingActive")[2]
        rule.lift()
        await until(lambda: replicas(server) == 2, "two workers")
        await until(lambda: condition(server, "ScalingActive")[0] == "True", "its end")


async def test_with_nothing_to_do_nothing_is_written_not_even_after_a_restart(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        put_pipeline(server, redis, f"p{n}")
    async with operated(server, tmp_path, monkeypatch):
        for n in range(5):
            await ready(server, f"p{n}")
            await until(lambda n=n: condition(server, "Progressing", f"p{n}")[0] == "False", "it to settle")
    async with operated(server, tmp_path, monkeypatch):
        written = listed = 0

        def quiet() -> bool:
            """Counts may still be written, ten seconds after the last time: then it begins anew."""
            nonlocal written, listed
            lists = len(server.asked("list", PIPELINES))
            if len(server.writes) != written:
                written, listed = len(server.writes), lists
            return lists >= listed + 4

        await until(quiet, "four resyncs without a write", 120)
        assert {each.sub for each in server.writes if each.plural == PIPELINES} == {"status"}
