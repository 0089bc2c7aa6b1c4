"""The client and an API server with moods: throttling, expired tokens and lists, proxies, warnings, silence."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from aiohttp import web

from dcp_operator.cluster.api import Api, ApiError, ApiUnreachable
from dcp_operator.ground.kinds import CONFIG_MAP, PIPELINE
from dcp_operator.status.metrics import Metrics
from dcp_pipeline.process.api_server import Credentials, NoCredentials, TokenFile, log_in
from support.kube_api.operated import operated, put_pipeline, ready, until
from support.kube_api.server import ApiServer


def client(server: ApiServer, metrics: Metrics | None = None, token: TokenFile | None = None) -> Api:
    return Api(lambda: Credentials(server.url, token=token), metrics or Metrics())


async def test_a_server_that_throttles_is_asked_again_when_it_said_and_the_work_gets_done(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis)
    for status in (429, 503):
        server.refuse(status, times=20, headers={"Retry-After": "0"}, also=lambda each: each.verb != "watch")
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
    asked = server.asked("list", "deployments")
    assert len(asked) > 1


async def test_it_is_waited_as_long_as_the_server_says_and_not_for_ever(
    server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("dcp_operator.cluster.api.asyncio.sleep", sleep)
    server.refuse(429, headers={"Retry-After": "7"})
    api = client(server)
    with pytest.raises(ApiError) as refused:
        await api.get(CONFIG_MAP, "a", "b")
    await api.close()
    assert (refused.value.status, refused.value.retry_after, len(waited)) == (429, 7.0, 3)
    assert all(7.0 <= each <= 9.0 for each in waited)


async def test_a_list_whose_continue_has_expired_is_begun_anew_and_is_whole(server: ApiServer) -> None:
    for n in range(1203):
        server.put("configmaps", {"metadata": {"name": f"c{n}", "namespace": "a"}})
    server.refuse(410, "list", times=1, reason="Expired", also=lambda each: "continue" in each.query)
    api = client(server)
    found = await api.list(CONFIG_MAP, "a")
    await api.close()
    assert {each["metadata"]["name"] for each in found} == {f"c{n}" for n in range(1203)}
    assert len(found) == 1203


async def test_tokens_that_turn_under_running_calls_fail_none_of_them(server: ApiServer, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("t0")
    server.tokens = {"t0"}
    server.put("configmaps", {"metadata": {"name": "c", "namespace": "a"}})
    api = client(server, token=TokenFile(path))
    done, over = 0, asyncio.Event()

    async def ask() -> None:
        nonlocal done
        while not over.is_set():
            assert await api.get(CONFIG_MAP, "a", "c")
            done += 1

    async def turn() -> None:
        for n in range(1, 51):
            new = path.with_suffix(".new")
            new.write_text(f"t{n}")
            assert server.tokens is not None
            server.tokens.add(f"t{n}")
            new.replace(path)
            await until(
                lambda n=n: server.requests[-1:] and server.requests[-1].token == f"t{n}", "the new token to be used"
            )
            server.tokens -= {f"t{n - 1}"}
        over.set()

    await asyncio.gather(turn(), *(ask() for _ in range(8)))
    await api.close()
    assert done > 50
    assert {each.token for each in server.requests[-8:]} == {"t50"}


async def test_a_token_that_has_ended_is_read_anew_and_a_watch_goes_on_with_it(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis)
    server.tokens = {"t0"}
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        server.tokens = {"t1"}
        await until(lambda: server.requests[-1].token == "t0", "it to have asked with the old one")
        (tmp_path / "token").write_text("t1")
        put_pipeline(server, redis, "later")
        await ready(server, "later")


async def test_a_watch_that_ends_with_an_error_is_begun_anew_alone(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis)
    server.watch_errors += [
        {"code": code, "reason": "Test", "message": "from the test"} for code in (410, 500, 403, 504)
    ]
    server.watch_errors += [{}, {"code": "odd"}]
    async with operated(server, tmp_path, monkeypatch):
        await until(lambda: not server.watch_errors, "all errors to be told")
        await ready(server)
        put_pipeline(server, redis, "later")
        await ready(server, "later")


async def test_warnings_are_logged_once(server: ApiServer, caplog: pytest.LogCaptureFixture) -> None:
    server.warnings = ["v1 of this is deprecated", 'and \\"that\\" too']
    server.put("configmaps", {"metadata": {"name": "c", "namespace": "a"}})
    api = client(server)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            await api.get(CONFIG_MAP, "a", "c")
    await api.close()
    assert [each.warning for each in caplog.records] == ["v1 of this is deprecated", 'and "that" too']  # type: ignore[attr-defined]


async def test_latency_is_counted_by_verb_and_answer(server: ApiServer) -> None:
    metrics = Metrics()
    api = client(server, metrics)
    assert await api.get(CONFIG_MAP, "a", "none") is None
    await api.list(CONFIG_MAP, None)
    await api.close()

    def counted(verb: str, code: str) -> float | None:
        return metrics.registry.get_sample_value("dcp_operator_api_seconds_count", {"verb": verb, "code": code})

    assert (counted("get", "404"), counted("list", "200"), counted("get", "200")) == (1, 1, None)


async def test_a_proxy_of_the_kubeconfig_is_gone_through(server: ApiServer) -> None:
    seen: list[str] = []

    async def proxied(request: web.BaseRequest) -> web.Response:
        seen.append(str(request.url))
        return web.json_response({"metadata": {"name": "c"}})

    proxy = web.ServerRunner(web.Server(proxied))
    await proxy.setup()
    site = web.TCPSite(proxy, "127.0.0.1", 0)
    await site.start()
    port = proxy.addresses[0][1]
    api = Api(lambda: Credentials("http://api.invalid:6443", proxy=f"http://127.0.0.1:{port}"), Metrics())
    assert await api.get(CONFIG_MAP, "a", "c")
    await api.close()
    await proxy.cleanup()
    assert seen == ["http://api.invalid:6443/api/v1/namespaces/a/configmaps/c"]


@pytest.mark.parametrize("body", ["[]", "null", "7", "not json", '{"items": 3}', '{"metadata": {}}'])
async def test_an_answer_that_is_no_answer_is_an_error_of_its_own_and_no_empty_list(
    server: ApiServer, body: str
) -> None:
    server._rule("list", "", "", lambda request: web.Response(text=body), None, lambda request: True)
    api = client(server)
    with pytest.raises((ApiError, ApiUnreachable)):
        await api.list(PIPELINE, None)
    await api.close()


async def test_an_api_server_that_never_answers_makes_no_loop_stuck(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_pipeline(server, redis)
    async with operated(server, tmp_path, monkeypatch):
        await ready(server)
        rule = server.refuse(500)
        await until(lambda: rule.played > 20, "it to have failed often")
        rule.lift()
        put_pipeline(server, redis, "later")
        await ready(server, "later")


def test_a_kubeconfig_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    path = tmp_path / "config"
    for text in ("", "[]", "current-context: x", "{current-context: x, contexts: [{name: x, context: {}}]}"):
        path.write_text(text)
        with pytest.raises(NoCredentials, match="cannot be used"):
            log_in({"KUBECONFIG": str(path)}, tmp_path)
    with pytest.raises(NoCredentials, match="set KUBECONFIG"):
        log_in({"KUBECONFIG": str(tmp_path / "none")}, tmp_path)


@pytest.mark.parametrize(
    ("host", "server"), [("10.0.0.1", "https://10.0.0.1:443"), ("fd00::1", "https://[fd00::1]:443")]
)
def test_a_service_account_is_used_in_a_pod_also_with_ipv6_only(tmp_path: Path, host: str, server: str) -> None:
    (tmp_path / "token").write_text("t\n")
    (tmp_path / "ca.crt").write_text("")
    found = log_in({"KUBERNETES_SERVICE_HOST": host}, tmp_path)
    assert (found.server, found.headers()) == (server, {"Authorization": "Bearer t"})
