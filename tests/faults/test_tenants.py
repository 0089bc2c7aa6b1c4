"""One tenant's Redis, or what stands in its place, is that pipeline's condition and nobody else's trouble."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dcp_operator.cluster.store import Store
from dcp_operator.ground.names import Owner, PipelineKey
from dcp_operator.scaling.queues import QueueReader
from dcp_operator.scaling.reach import Reach
from dcp_operator.scaling.scaler import Scaler
from dcp_operator.scaling.server import Server, not_allowed, seen_from_outside
from dcp_operator.scaling.targets import Target, Targets
from dcp_operator.status.events import Recorder
from dcp_operator.status.metrics import Metrics
from dcp_operator.status.seen import QueueSeen
from dcp_pipeline.observe.report import report_key
from support.kube_api.operated import condition, operated, put_pipeline, ready, until
from support.kube_api.server import ApiServer
from support.pipelines import pipeline
from support.redis_server import RunningServer

SECRET = "root-of-the-neighbour"
LOCAL = Reach(("127.0.0.1",))
Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def saying(text: bytes, again: bool = True) -> Speak:
    """Answers everything that is asked with these bytes."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            writer.write(text)
            await writer.drain()
            if not again:
                return

    return speak


async def pouring(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A bulk of 4 GB, as much as is taken of it."""
    await reader.read(65536)
    writer.write(b"+OK\r\n*2\r\n$4294967296\r\n")
    while True:
        writer.write(b"x" * 1_000_000)
        await writer.drain()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def five(reply: bytes) -> bytes:
    """To a look at one queue: the name is taken, the time is told, and then this for each question."""
    return b"+OK\r\n*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n" + reply * 4


EIGHT = b"*8\r\n" + b":0\r\n" * 8
ODD: dict[str, Speak] = {
    "+OK to everything": saying(b"+OK\r\n" * 6),
    "numbers for arrays": saying(b":7\r\n" * 6),
    "a number for the script's array": saying(five(b":7\r\n")),
    "too few numbers": saying(five(b"*2\r\n:1\r\n:2\r\n")),
    "numbers below nothing": saying(five(b"*8\r\n" + b":-5\r\n" * 8)),
    "numbers beyond all": saying(five(b"*8\r\n" + b":99999999999999999999\r\n" * 8)),
    "nothing for arrays": saying(five(b"*-1\r\n")),
    "texts in the array": saying(five(b"*1\r\n$3\r\nabc\r\n")),
    "an odd hash": saying(five(EIGHT)),
    "nested arrays": saying(b"*1\r\n" * 100_000),
    "nested where a number is wanted": saying(five(b"*1\r\n*1\r\n*1\r\n:1\r\n")),
    "an array of a billion": saying(b"+OK\r\n*1000000000\r\n:1\r\n"),
    "a bulk of 4 GB": pouring,
    "half a reply": saying(b"+OK\r\n*2\r\n$10\r\n17000", again=False),
    "a web server": saying(f"HTTP/1.1 200 OK\r\n\r\n{SECRET}\r\n".encode()),
    "an error with a text": saying(f"-{SECRET} is the password\r\n".encode() * 6),
    "RESP3": saying(b"%1\r\n+a\r\n:1\r\n" * 6),
    "no words at all": saying(bytes(range(256)) * 10),
    "silence": silent,
}


@asynccontextmanager
async def listening(speak: Speak) -> AsyncIterator[str]:
    """The URL of something that speaks so."""

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await speak(reader, writer)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0?socket_timeout=86400"
    finally:
        server.close()


@pytest.mark.parametrize("speak", ODD.values(), ids=list(ODD))
async def test_whatever_answers_is_an_error_in_our_own_words(speak: Speak) -> None:
    reader = QueueReader(LOCAL)
    async with listening(speak) as url:
        seen = (await reader.read(Server(url), ["a"]))["a"]
        reader.close()
    assert seen.stats is None
    assert seen.error
    assert SECRET not in seen.error
    assert seen.error.isascii()


async def test_all_of_them_at_once_are_their_own_pipelines_conditions_and_the_operator_goes_on(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncExitStack() as stack:
        for n, speak in enumerate(ODD.values()):
            put_pipeline(server, await stack.enter_async_context(listening(speak)), f"odd-{n}")
        put_pipeline(server, redis, "good")
        async with operated(server, tmp_path, monkeypatch):
            await ready(server, "good")
            for n in range(len(ODD)):
                told = lambda n=n: condition(server, "Ready", f"odd-{n}")[:2]  # noqa: E731
                await until(lambda told=told: told() == ("False", "QueueUnreachable"), f"odd-{n} to be told")
            put_pipeline(server, redis, "later")
            await ready(server, "later")
    said = " ".join(str(each.__dict__) for each in caplog.records)
    assert SECRET not in said + str(server.all("datacleaningpipelines"))


@pytest.mark.parametrize(
    "report",
    [b"5", b"[]", b'"x"', b"null", b"{", b"\xff", b"[" * 100_000, b'{"at":1e999}', b'{"at":"x"}',
     b'{"at":1,"totals":{"read":-1,"written":0,"duplicates":0,"rejected":0,"filtered":0,"dead":0,"pending":0}}',
     b'{"at":1,"odd":' + b"[" * 100_000],
)  # fmt: skip
async def test_a_report_of_any_kind_is_left_out_and_the_queue_is_read(
    redis_running: RunningServer, report: bytes
) -> None:
    reader = QueueReader(LOCAL)
    client = redis_running.client()
    for name, value in (("fetcher", report), ("worker", b'{"at":1.0}'), (b"\xff", b"{}")):
        client.hset(report_key("odd.report"), name, value)
    seen = (await reader.read(Server(redis_running.url), ["odd.report"]))["odd.report"]
    reader.close()
    client.delete(report_key("odd.report"))
    assert seen.stats is not None
    assert set(seen.reports) <= {"worker", "fetcher"}
    assert "worker" in seen.reports


@pytest.mark.parametrize(
    "url",
    ["redis://[bad", "redis://redis:99999", "redis://", "redis://redis/x", "unix:///run/redis", "redis://:x@:1", "x",
     "redis://re dis:1", "redis://\u0000", "redis://redis:6379/99999999999"],
)  # fmt: skip
async def test_a_url_that_leads_nowhere_is_an_answer_too(url: str) -> None:
    reader = QueueReader(LOCAL)
    seen = (await reader.read(Server(url), ["a"]))["a"]
    reader.close()
    assert seen.stats is None
    assert seen.error


@pytest.mark.parametrize("url", ["redis://[bad", "redis://redis:99999"])
async def test_a_spec_with_such_a_url_is_told_by_its_field(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    put_pipeline(server, url, "bad")
    put_pipeline(server, redis, "good")
    async with operated(server, tmp_path, monkeypatch):
        await ready(server, "good")
        await until(lambda: condition(server, "Ready", "bad")[:2] == ("False", "InvalidSpec"), "the refusal")
        assert "spec.queue.redis.url" in condition(server, "Ready", "bad")[2]


@pytest.mark.parametrize(
    ("url", "allowed", "may"),
    [
        ("redis://redis", [], True),
        ("redis://redis.feeds", [], True),
        ("redis://redis.feeds.svc.cluster.local:6380/3", [], True),
        ("redis://redis.other", [], False),
        ("redis://feeds.svc.evil.example", [], False),
        ("redis://redis.feeds.evil.example", [], False),
        ("redis://169.254.169.254", [], False),
        ("redis://localhost", [], False),
        ("redis://[::1]:80", [], False),
        ("redis://[::1]:80", ["::1"], True),
        ("redis://a.cache.example", ["*.cache.example"], True),
        ("redis://A.Cache.Example.", ["*.cache.example"], True),
        ("redis://cache.example.evil", ["*.cache.example"], False),
        ("redis://[bad", ["*"], False),
        ("redis://attacker.feeds.", [], False),
        ("redis://cache.feeds.", ["cache.feeds."], True),
        ("redis://x.feeds.svc.attacker.example:6379", [], False),
        ("redis://x.feeds.svc.cluster.local.attacker.example", [], False),
        ("redis://x.feeds.svc.cluster", [], False),
        ("redis://a.redis.feeds.svc", [], False),
        ("redis://-x.feeds", [], False),
        ("redis://Redis.Feeds.SVC.cluster.local.", [], True),
    ],
)
def test_the_operator_goes_to_its_pipelines_own_namespace_and_to_what_is_listed(
    url: str, allowed: list[str], may: bool
) -> None:
    assert (not_allowed(url, "feeds", allowed) is None) == may


@pytest.mark.parametrize("hosts", [(), ("localhost",), ("*",), ("127.0.0.2", "*.example")])
async def test_a_name_that_is_allowed_and_leads_to_the_operators_own_machine_is_never_called(
    hosts: tuple[str, ...],
) -> None:
    called = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.append(writer)

    reader = QueueReader(Reach(hosts))
    async with listening(speak) as url:
        for host in ("localhost", "127.0.0.1", "2130706433"):
            seen = (await reader.read(Server(url.replace("127.0.0.1", host)), ["a"]))["a"]
            assert seen.error == "the host is an address that the operator never goes to"
    reader.close()
    assert called == []


async def test_a_service_is_asked_for_by_its_absolute_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def unknown(host: str, *_: object, **__: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr("dcp_operator.scaling.queues.socket.getaddrinfo", unknown)
    reader = QueueReader(Reach(("cache.example",), "corp.internal"))
    for host in ("attacker", "attacker.dev", "attacker.dev.svc", "attacker.dev.svc.corp.internal", "cache.example"):
        await reader.read(Server(seen_from_outside(f"redis://{host}", "dev")), ["a"])
    reader.close()
    assert asked == ["attacker.dev.svc.corp.internal."] * 4 + ["cache.example"]


async def test_a_host_that_is_not_listed_is_never_called(
    server: ApiServer, redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.append(writer)

    async with listening(speak) as url:
        put_pipeline(server, url)
        async with operated(server, tmp_path, monkeypatch, QUEUE_HOSTS="cache.example"):
            await until(lambda: condition(server, "Ready")[1] == "QueueHostNotAllowed", "the condition")
    assert called == []


async def test_three_hundred_dead_servers_delay_no_other_pipelines_look(redis: str) -> None:
    """Seconds between two looks at the one that answers, while 300 take every connection and say nothing."""
    looks: list[float] = []
    loop = asyncio.get_running_loop()

    class Timed(QueueReader):
        async def read(self, server: Server, queues: Sequence[str]) -> dict[str, QueueSeen]:
            found = await super().read(server, queues)
            if server.url == redis:
                looks.append(loop.time())
            return found

    api: Any = None
    metrics, targets, reader = Metrics(), Targets(), Timed(LOCAL)
    recorder = Recorder(api, "test", loop.time, lambda: datetime.now(UTC))
    scaler = Scaler(
        targets, Store(), reader, api, recorder, metrics, lambda key: None, loop.time, lambda: datetime.now(UTC)
    )
    async with listening(silent) as url:
        addresses = {f"dead-{n}": url.replace("/0?", f"/{n}?") for n in range(300)} | {"good": redis}
        for name, address in addresses.items():
            targets.put(Target(Owner("feeds", name, name), pipeline(name=name), Server(address)))

        def looked_at() -> bool:
            scaler.start_round()
            return len(looks) >= 20 and _dead(metrics) >= 300 + len(looks)

        await until(looked_at, "twenty looks at the good one and one at each dead one", 120)
        await asyncio.gather(*scaler.start_round())
        reader.close()
    gaps = sorted(after - before for before, after in pairwise(looks))
    print(f"300 dead servers: between two looks at another {gaps[len(gaps) // 2]:.3f} s, at most {gaps[-1]:.3f} s")
    assert gaps[-1] < 30, "generous: a period is 2 s, and this machine may be starved"
    seen = scaler.known(PipelineKey("feeds", "dead-7"))
    assert seen is not None
    assert seen.queue.error == "no answer within 2 s"


def _dead(metrics: Metrics) -> float:
    return metrics.registry.get_sample_value("dcp_operator_look_seconds_count") or 0.0
