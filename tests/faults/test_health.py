"""What Flux and Argo CD make of a pipeline's status: kstatus' own code, and our Lua in Argo CD's interpreter."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dcp_operator.ground.names import PAUSE_ANNOTATION
from support.kube_api.operated import PIPELINES, condition, operated, put_pipeline, ready, replicas, until
from support.kube_api.server import ApiServer

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "packaging/argocd/health.lua"

Health = Callable[[dict[str, Any]], tuple[str, str]]


@pytest.fixture(scope="session")
def health() -> Health:
    """An object -> what kstatus and what Argo CD call it."""
    subprocess.run(["make", "--silent", "build/tools/health"], cwd=ROOT, check=True)

    def called(document: dict[str, Any]) -> tuple[str, str]:
        done = subprocess.run(
            [ROOT / "build/tools/health", SCRIPT], input=json.dumps(document) + "\n", text=True, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        return told["kstatus"]["status"], told["argocd"]["status"]

    return called


def pipeline(server: ApiServer) -> dict[str, Any]:
    return server.find(PIPELINES, "botnet") or {}


async def test_a_pipeline_is_in_progress_until_it_is_out_and_then_current(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, health: Health
) -> None:
    created = put_pipeline(server, redis)
    assert health({**created, "status": {"observedGeneration": -1}}) == ("InProgress", "Progressing"), (
        "the CRD's default"
    )
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        assert health(pipeline(server)) == ("Current", "Healthy")
        server.objects.pods_come_up = False
        changed = put_pipeline(server, redis, spec={"worker": {"maxAttempts": 9}})
        assert health(changed) == ("InProgress", "Progressing"), "before the operator has looked"
        await until(lambda: condition(server, "Reconciling")[0] == "True", "the rollout to begin")
        assert health(pipeline(server)) == ("InProgress", "Progressing")
        server.objects.pods_come_up = True
        for name in ("fetcher", "worker"):
            server.put("deployments", server.find("deployments", f"botnet-{name}") or {})
        await ready(server)
        assert health(pipeline(server)) == ("Current", "Healthy")


async def test_what_waits_for_a_person_has_failed_and_recovers(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, health: Health
) -> None:
    put_pipeline(server, redis)
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        rule = server.refuse(403, "apply", "deployments", message="exceeded quota: pods")
        put_pipeline(server, redis, spec={"worker": {"maxAttempts": 9}})
        await until(lambda: condition(server, "Ready")[1] == "ChildRejected", "the refusal")
        assert health(pipeline(server)) == ("Failed", "Degraded")
        rule.lift()
        await ready(server)
        assert health(pipeline(server)) == ("Current", "Healthy")


async def test_who_is_stopped_or_held_is_suspended_for_argo_cd(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, health: Health
) -> None:
    """kstatus has no such word: what is stopped as asked is current; what the annotation holds is not known."""
    put_pipeline(server, redis)
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        put_pipeline(server, redis, spec={"state": "Stopped"})
        await until(lambda: condition(server, "Ready")[1] == "Stopped", "it to stop", 120)
        assert health(pipeline(server)) == ("Current", "Suspended")
        put_pipeline(server, redis)
        await until(lambda: condition(server, "Ready")[1] == "Running", "it to run", 120)
        assert health(pipeline(server)) == ("Current", "Healthy")
        put_pipeline(server, redis, annotations={PAUSE_ANNOTATION: "true"})
        await until(lambda: condition(server, "Ready")[0] == "Unknown", "the pause", 120)
        assert health(pipeline(server)) == ("InProgress", "Suspended")


async def test_scaling_from_zero_leaves_it_current(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, health: Health
) -> None:
    put_pipeline(server, redis)
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        put_pipeline(server, redis, spec={"scaling": {"minReplicas": 2}})
        await until(lambda: replicas(server) == 2, "the two")
        server.objects.pods_come_up = False
        worker = server.find("deployments", "botnet-worker") or {}
        server.put("deployments", {**worker, "status": {**worker["status"], "readyReplicas": 0}})
        await until(lambda: condition(server, "Progressing")[1] == "Scaling", "workers that start")
        assert health(pipeline(server)) == ("Current", "Healthy")
