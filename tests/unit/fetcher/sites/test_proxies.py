"""Which proxy a URL is asked through."""

from __future__ import annotations

import socket

import pytest

from dcp_fetcher.ground.errors import RefusedError
from dcp_fetcher.sites.http.proxies import proxies_named, proxy_of
from dcp_fetcher.sites.http.resolver import OutOfReach, ReachResolver
from dcp_pipeline.reach import reach_of


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "http://feed.example/a", None),
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://feed.example/a", "http://proxy:3128"),
        ({"http_proxy": "proxy:3128"}, "http://feed.example/a", "http://proxy:3128"),
        ({"HTTP_PROXY": "http://a:1", "http_proxy": "http://b:2"}, "http://feed.example/a", "http://b:2"),
        ({"HTTPS_PROXY": "http://u:p@proxy:3128"}, "https://feed.example/a", "http://u:p@proxy:3128"),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://feed.example/a", None),
        ({"HTTP_PROXY": "http://proxy:1", "NO_PROXY": ".example"}, "http://feed.example/a", None),
        ({"HTTP_PROXY": "http://proxy:1", "NO_PROXY": "example:81"}, "http://feed.example:80/a", "http://proxy:1"),
        ({"HTTP_PROXY": "http://proxy:1", "NO_PROXY": "*"}, "http://feed.example/a", None),
        ({"HTTP_PROXY": "http://proxy:1"}, "http://127.0.0.1:8000/a", None),
        ({"HTTP_PROXY": "http://proxy:1"}, "http://[::1]:8000/a", None),
        ({"HTTP_PROXY": "http://proxy:1"}, "http://localhost/a", None),
        ({"HTTP_PROXY": ""}, "http://feed.example/a", None),
    ],
)
def test_the_environment_names_the_proxy(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, proxy: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_of(url) == proxy


def test_a_proxy_of_another_kind_is_told_and_its_password_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks5://me:s3cret@proxy:1080")
    with pytest.raises(RefusedError, match="socks5") as refused:
        proxy_of("http://feed.example/a")
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("text", ["http://proxy:99999", "http://[bad", "proxy:port"])
def test_a_proxy_that_is_no_url_is_told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", text)
    assert proxies_named() == frozenset()
    with pytest.raises(RefusedError, match="http_proxy is no URL"):
        proxy_of("http://feed.example/a")


def test_a_proxy_may_be_where_no_source_may_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "proxy.corp.example:3128")
    monkeypatch.setenv("HTTPS_PROXY", "https://me:pw@Other.example")
    assert proxies_named() == {("proxy.corp.example", 3128), ("other.example", 443)}


@pytest.mark.parametrize(("port", "led"), [(3128, True), (80, False)])
async def test_the_resolver_lets_the_proxy_and_nothing_else_be_private(port: int, led: bool) -> None:
    class Corporate:
        async def resolve(self, host: str, port: int, family: socket.AddressFamily) -> list[dict[str, object]]:
            return [{"hostname": host, "host": "10.0.0.7", "port": port}]

    reach = reach_of("http://feed.example/", ())
    resolver = ReachResolver(reach, Corporate(), frozenset({("proxy.corp.example", 3128)}))
    if led:
        assert len(await resolver.resolve("proxy.corp.example", port)) == 1
    else:
        with pytest.raises(OutOfReach):
            await resolver.resolve("proxy.corp.example", port)
