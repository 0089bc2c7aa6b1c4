"""Two replicas: one writes, and when it is killed the other goes on within seconds. Real processes, kill -9."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import sys
import time
from asyncio.subprocess import DEVNULL, Process, create_subprocess_exec
from pathlib import Path

import pytest

from dcp_operator.cluster.api import Api, NotLeading
from dcp_operator.ground.kinds import CONFIG_MAP
from dcp_operator.status.metrics import Metrics
from dcp_pipeline.process.api_server import Credentials
from support.kube_api.operated import SETTINGS, operated, put_pipeline, ready, until
from support.kube_api.server import ApiServer

LEASE = {"LEASE_NAMESPACE": "dcp-system", "LEASE_NAME": "leader"}
TAKEOVERS = int(os.environ.get("TAKEOVERS", "1"))


def holder(server: ApiServer) -> str:
    return str((server.find("leases", "leader", "dcp-system") or {"spec": {}})["spec"].get("holderIdentity", ""))


async def test_only_one_of_two_writes_and_the_next_goes_on_at_once_when_it_ends_in_order(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis)
    async with operated(server, tmp_path, monkeypatch, **LEASE) as second:
        async with operated(server, tmp_path, monkeypatch, **LEASE) as first:
            await ready(server)
            assert [first.leading(), second.leading()].count(True) == 1
            leader = holder(server)
        await until(second.leading, "the other to lead")
        assert leader == holder(server) or holder(server)
        put_pipeline(server, redis, "later")
        await ready(server, "later")


async def test_who_cannot_renew_stops_writing_before_another_may_begin(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis)
    async with operated(server, tmp_path, monkeypatch, **LEASE) as parties:
        await ready(server)
        rule = server.refuse(500, plural="leases")
        await until(lambda: not parties.leading(), "it to stand by")
        assert parties.not_ready()
        before = len(server.writes)
        put_pipeline(server, redis, "later")
        await until(lambda: rule.played > 8, "some seconds to pass")
        assert server.find("deployments", "later-worker") is None
        assert len(server.writes) == before
        rule.lift()
        await ready(server, "later")


async def test_a_write_that_waits_for_an_answer_is_given_up_when_the_lease_is_no_longer_believed_in(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcp_operator.cluster.api.TIMEOUT_SECONDS", 3600.0)
    put_pipeline(server, redis)
    async with operated(server, tmp_path, monkeypatch, **LEASE) as parties:
        await ready(server)
        slow = server.hang("apply", "deployments")
        put_pipeline(server, redis, "later")
        await until(lambda: slow.played > 0, "a write to wait")
        leases = server.refuse(500, plural="leases")
        await until(lambda: not parties.leading(), "it to stand by")
        await until(lambda: slow.given_up == slow.played, "the write to be given up")
        leases.lift()
        slow.lift()
        await ready(server, "later")


async def test_a_slow_write_has_its_time_while_the_lease_is_renewed(server: ApiServer) -> None:
    """As behind an admission webhook of ten seconds, at a clock of the test's own."""
    left = iter([0.01] * 5)
    api = Api(lambda: Credentials(server.url), Metrics(), lambda: next(left, -1.0))
    slow = server.hang("create", "configmaps")
    with pytest.raises(NotLeading):
        await api.create(CONFIG_MAP, {"metadata": {"name": "a", "namespace": "feeds"}}, "test")
    assert next(left, None) is None, "it waited as long as it was told"
    assert slow.played <= 1, "and was sent once"
    await api.close()


async def test_a_clock_that_is_hours_off_takes_no_lease_that_is_renewed(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = {"holderIdentity": "other", "renewTime": "2020-01-01T00:00:00.000000Z", "leaseTransitions": 1}
    server.put("leases", {"metadata": {"name": "leader", "namespace": "dcp-system"}, "spec": spec})
    async with operated(server, tmp_path, monkeypatch, **LEASE) as parties:
        for n in range(6):
            renewed = {**spec, "renewTime": f"2020-01-01T00:00:0{n}.000000Z"}
            server.put("leases", {"metadata": {"name": "leader", "namespace": "dcp-system"}, "spec": renewed})
            asked = len(server.asked("get", "leases"))
            await until(lambda asked=asked: len(server.asked("get", "leases")) > asked, "it to look")
            assert not parties.leading()
        await until(parties.leading, "it to take a lease that nobody renews")


def warm(server: ApiServer, token: str) -> bool:
    """Whether it has listed everything, and looked who leads."""
    asked = [each for each in server.requests if each.token == token]
    return any(each.plural == "leases" for each in asked) and sum(each.verb == "watch" for each in asked) >= 7


async def started(server: ApiServer, folder: Path, token: str) -> Process:
    """By a token of its own, by which its requests are known."""
    config = str(server.kubeconfig(folder, folder / token))
    (folder / token).write_text(token)
    environment = {
        **os.environ,
        **SETTINGS,
        **LEASE,
        "KUBECONFIG": config,
        "HEALTH_PORT": "0",
        "HEALTH_HOST": "127.0.0.1",
    }
    return await create_subprocess_exec(
        sys.executable, "-m", "dcp_operator", env=environment, stdout=DEVNULL, stderr=DEVNULL
    )


async def test_a_leader_that_is_killed_is_followed_within_seconds(
    server: ApiServer, redis: str, tmp_path: Path
) -> None:
    """Measured by TAKEOVERS=10 pytest -s: seconds from the kill to the first child of a pipeline that comes then."""
    put_pipeline(server, redis)
    running = [await started(server, tmp_path, "first")]
    await ready(server)
    seconds = []
    try:
        for n in range(TAKEOVERS):
            running.append(await started(server, tmp_path, f"t{n}"))
            await until(lambda n=n: warm(server, f"t{n}"), "the next to be warm", 120)
            leader = running.pop(0)
            begun = time.monotonic()
            leader.send_signal(signal.SIGKILL)
            await leader.wait()
            put_pipeline(server, redis, f"p{n}")
            await until(lambda n=n: server.find("deployments", f"p{n}-worker"), "the other to act", 60)
            seconds.append(time.monotonic() - begun)
            await ready(server, f"p{n}")
    finally:
        for each in running:
            each.terminate()
        await asyncio.gather(*(each.wait() for each in running))
    print(
        f"takeover after kill -9, n={len(seconds)}: median {statistics.median(seconds):.1f} s, max {max(seconds):.1f} s"
    )
