"""Sentinels and servers of a Cluster say where to go: the operator goes where the spec might have led it, and nowhere
else, and whatever they say ends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from dcp_operator.cluster.pod_at import pod_at
from dcp_operator.scaling.queues import QueueReader
from dcp_operator.scaling.reach import Reach
from dcp_operator.scaling.server import Server, not_allowed, seen_from_outside
from dcp_operator.status.seen import QueueSeen
from support.kube_api.operated import condition, operated, put_pipeline, ready, until
from support.kube_api.server import ApiServer
from support.redis_server import RunningServer

SECRET = "root-of-the-neighbour"
OWN = Reach(("127.0.0.1",))
FOREIGN = "it sends us to a host that is neither in the pipeline's namespace nor in queueHosts"


@asynccontextmanager
async def talking(replies: dict[bytes, bytes], host: str = "127.0.0.1") -> AsyncIterator[tuple[int, list[bytes]]]:
    """Answers by the first word that it knows in what it is asked: its port, and what it was told."""
    told: list[bytes] = []

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while asked := await reader.read(65536):
                told.append(asked)
                writer.write(next((reply for word, reply in replies.items() if word in asked), b"-ERR\r\n"))
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(met, host, 0)
    try:
        yield server.sockets[0].getsockname()[1], told
    finally:
        server.close()


def saying(text: bytes, host: str = "127.0.0.1") -> AbstractAsyncContextManager[tuple[int, list[bytes]]]:
    """Answers everything with these bytes."""
    return talking({b"": text}, host)


async def look(reader: QueueReader, url: str) -> QueueSeen:
    kind = "cluster" if "cluster" in url else ""
    server = Server(url, password=SECRET, namespace="feeds", queue="a" if kind else "")
    return (await reader.read(server, ["a"]))["a"]


def pair(host: bytes, port: bytes) -> bytes:
    return b"*2\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(host), host, len(port), port)


NO_ADDRESS = "a Sentinel names what is no address"
SENTINELS = {
    "a port of 99999": (pair(b"127.0.0.1", b"99999"), NO_ADDRESS),
    "a port of 0": (pair(b"127.0.0.1", b"0"), NO_ADDRESS),
    "a port that is a word": (pair(b"127.0.0.1", b"port"), NO_ADDRESS),
    "a port of many digits": (pair(b"127.0.0.1", b"1" * 5000), NO_ADDRESS),
    "no host": (pair(b"", b"6379"), NO_ADDRESS),
    "a host with blanks": (pair(SECRET.encode() + b" x", b"6379"), NO_ADDRESS),
    "a host of bytes": (pair(bytes(range(128, 255)), b"6379"), NO_ADDRESS),
    "a host and a URL": (pair(b"127.0.0.1:80/?q=", b"6379"), NO_ADDRESS),
    "nested": (b"*2\r\n*1\r\n$1\r\nx\r\n*1\r\n:1\r\n", NO_ADDRESS),
    "three": (b"*3\r\n$1\r\nx\r\n$1\r\n1\r\n$1\r\n1\r\n", NO_ADDRESS),
    "numbers": (b"*2\r\n:1\r\n:2\r\n", NO_ADDRESS),
    "a number": (b":1\r\n", NO_ADDRESS),
    "a word": (b"+OK\r\n", NO_ADDRESS),
    "nothing": (b"*-1\r\n", "a Sentinel knows no master of that name"),
    "an error": (f"-ERR {SECRET}\r\n".encode(), "a Sentinel does not say which server is the master (ERR)"),
    "an error of its own": (f"-{SECRET}\r\n".encode(), "a Sentinel does not say which server is the master (an error)"),
    "a web page": (f"HTTP/1.1 200 OK\r\n\r\n{SECRET}".encode(), "what answers there is no Redis"),
    "an array of a billion": (b"*1000000000\r\n", "what answers there is no Redis"),
    "another host": (pair(b"metadata.google.internal", b"80"), FOREIGN),
    "another address": (pair(b"10.9.8.7", b"6379"), FOREIGN),
    "the clouds' server of credentials": (pair(b"169.254.169.254", b"80"), "the host is an address that the operator never goes to"),
    "our own machine": (pair(b"127.0.0.2", b"6379"), "the host is an address that the operator never goes to"),
    "our own machine in IPv6": (pair(b"::ffff:127.0.0.3", b"6379"), "the host is an address that the operator never goes to"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "why"), SENTINELS.values(), ids=list(SENTINELS))
async def test_whatever_a_sentinel_says_is_an_error_in_our_own_words(answer: bytes, why: str) -> None:
    reader = QueueReader(OWN)
    async with saying(answer) as (port, told):
        seen = await look(reader, f"redis+sentinel://127.0.0.1:{port}/mymaster")
    reader.close()
    assert (seen.stats, seen.error) == (None, why)
    assert SECRET not in str(told), "Sentinels are not told the server's password"


MOVED = {
    "another host": (b"-MOVED 1 metadata.google.internal:80\r\n", FOREIGN),
    "another address": (b"-MOVED 1 10.9.8.7:6379\r\n", FOREIGN),
    "a port of 99999": (b"-MOVED 1 127.0.0.1:99999\r\n", "the Cluster sends us to what is no address"),
    "no port": (b"-MOVED 1 127.0.0.1:\r\n", "the server is one of a Cluster: spec.queue.redis.url is to begin with redis+cluster://"),
    "no host": (b"-MOVED 1 :6379\r\n", "the Cluster sends us to what is no address"),
    "a slot of many digits": (b"-MOVED 11111111 127.0.0.1:1\r\n", "the server is one of a Cluster: spec.queue.redis.url is to begin with redis+cluster://"),
    "our own machine": (b"-MOVED 1 127.0.0.9:6379\r\n", "the host is an address that the operator never goes to"),
    "down": (b"-CLUSTERDOWN Hash slot not served\r\n", "the server refuses: CLUSTERDOWN"),
    "on the way": (b"-TRYAGAIN Multiple keys request\r\n", "the Cluster is moving the queue's slot to another server"),
}  # fmt: skip


@pytest.mark.parametrize(("error", "why"), MOVED.values(), ids=list(MOVED))
async def test_whatever_a_cluster_says_is_an_error_in_our_own_words(error: bytes, why: str) -> None:
    login, time = b"+OK\r\n+OK\r\n", b"*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n"
    reader = QueueReader(OWN)
    replies = {b"AUTH": login, b"TIME": time + error * 4}
    async with talking(replies) as (port, _):
        seen = await look(reader, f"redis+cluster://127.0.0.1:{port}")
    reader.close()
    assert (seen.stats, seen.error) == (None, why)


async def test_servers_that_send_us_in_circles_are_left_after_two_hops() -> None:
    time = b"*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n"
    replies: dict[bytes, bytes] = {b"AUTH": b"+OK\r\n+OK\r\n"}
    reader = QueueReader(OWN)
    async with talking(replies) as (port, told):
        replies[b"TIME"] = time + b"-MOVED 1 127.0.0.1:%d\r\n" % port * 4
        seen = await look(reader, f"redis+cluster://127.0.0.1:{port}")
    reader.close()
    assert seen.error == "the servers of the Cluster send us from one to the other"
    assert sum(b"TIME" in each for each in told) == 3


async def test_the_password_is_not_sent_to_where_the_operator_does_not_go() -> None:
    """The foreign server listens, on an address that is not listed."""
    reader = QueueReader(Reach(("127.0.0.1", "127.0.0.3")))
    async with (
        saying(b"+OK\r\n", "127.0.0.2") as (foreign, told),
        saying(pair(b"127.0.0.2", b"%d" % foreign)) as (port, _),
    ):
        await look(reader, f"redis+sentinel://127.0.0.1:{port}/m")
    reader.close()
    assert told == []


@pytest.mark.parametrize(
    ("host", "may"),
    [
        ("redis.feeds.svc", True),
        ("redis-0.redis-headless.feeds.svc.cluster.local", True),
        ("redis-0.redis-headless.feeds.svc", True),
        ("Redis-0.Redis-Headless.feeds.svc.cluster.local.", True),
        ("redis-0.redis-headless.other.svc.cluster.local", False),
        ("redis-0.redis-headless.feeds", False),
        ("redis-0.redis-headless.feeds.svc.evil.example", False),
        ("a.b.redis.feeds.svc.cluster.local", False),
        ("-x.redis.feeds.svc.cluster.local", False),
        ("a.cache.example", True),
        ("cache.example", False),
        ("localhost", False),
    ],
)
def test_a_name_that_a_server_tells_is_of_the_namespace_or_listed(host: str, may: bool) -> None:
    assert Reach(("*.cache.example",)).may_be_told(host, "feeds") == may


@pytest.mark.parametrize(
    ("url", "may", "outside"),
    [
        ("redis+sentinel://s1,s2.feeds:5/m/0", True, "redis+sentinel://s1.feeds.svc,s2.feeds.svc:5/m/0"),
        ("redis+cluster://dcp@c1,c.cache.example", True, "redis+cluster://dcp@c1.feeds.svc,c.cache.example"),
        ("redis+sentinel://s1,s2.other/m", False, "redis+sentinel://s1.feeds.svc,s2.other/m"),
        ("redis+cluster://c1,169.254.169.254:80", False, "redis+cluster://c1.feeds.svc,169.254.169.254:80"),
        ("redis+sentinel://s1,[bad/m", False, "redis+sentinel://s1,[bad/m"),
        ("redis+sentinel://s1", False, "redis+sentinel://s1.feeds.svc"),
    ],
)
def test_each_host_of_a_url_is_looked_at(url: str, may: bool, outside: str) -> None:
    assert (not_allowed(url, "feeds", ["*.cache.example"]) is None) == may
    assert seen_from_outside(url, "feeds") == outside


PodAt = Callable[[str, str], Awaitable[bool]]


async def test_an_address_is_gone_to_where_a_name_of_the_spec_leads_there_or_a_pod_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    headless = [(0, 0, 0, "", ("10.1.0.7", 0)), (0, 0, 0, "", ("10.1.0.8", 0))]
    monkeypatch.setattr("dcp_operator.scaling.queues.socket.getaddrinfo", lambda *_, **__: headless)
    asked = []

    async def pods(namespace: str, address: str) -> bool:
        asked.append((namespace, address))
        return address == "10.1.0.9"

    reader = QueueReader(Reach(), pod_at=pods)
    server = Server("redis+cluster://redis.feeds.svc", namespace="feeds", queue="a")
    found = {address: await reader._is_ours(server, address) for address in ("10.1.0.8", "10.1.0.9", "10.1.0.10")}
    reader.close()
    assert found == {"10.1.0.8": True, "10.1.0.9": True, "10.1.0.10": False}
    assert asked == [("feeds", "10.1.0.9"), ("feeds", "10.1.0.10")]


class Pods:
    """An API server's answer."""

    async def list(self, *_: object, fields: str) -> list[dict[str, object]]:
        assert fields == "status.podIP=10.1.0.9"
        return self.pods

    pods: list[dict[str, object]] = []  # noqa: RUF012 - each test sets its own


@pytest.mark.parametrize(
    ("pod", "is_one"),
    [
        ({"status": {"podIP": "10.1.0.9"}, "spec": {}}, True),
        ({"status": {"podIP": "10.1.0.9"}, "spec": {"hostNetwork": True}}, False),
        ({"status": {"podIP": "10.1.0.99"}}, False),
        ({}, False),
    ],
)
async def test_a_pod_on_its_nodes_network_is_none_of_the_namespace(pod: dict[str, object], is_one: bool) -> None:
    api = Pods()
    api.pods = [pod]
    assert await pod_at(api)("feeds", "10.1.0.9") == is_one  # type: ignore[arg-type]


async def test_hostile_sentinels_are_their_own_pipelines_condition(
    server: ApiServer, redis_running: RunningServer, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with saying(pair(b"10.9.8.7", b"6379")) as (led, _), saying(pair(b"x", b"99999")) as (odd, _):
        put_pipeline(server, f"redis+sentinel://127.0.0.1:{led}/m", "led")
        put_pipeline(server, f"redis+sentinel://127.0.0.1:{odd}/m", "odd")
        put_pipeline(server, redis_running.url, "good")
        async with operated(server, tmp_path, monkeypatch):
            await ready(server, "good")
            for name, why in (("led", FOREIGN), ("odd", NO_ADDRESS)):
                told = lambda name=name: condition(server, "Ready", name)  # noqa: E731
                await until(lambda told=told: told()[:2] == ("False", "QueueUnreachable"), f"{name} to be told")
                assert why in told()[2]
