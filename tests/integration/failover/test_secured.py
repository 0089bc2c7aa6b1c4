"""Sentinels with a user of their own, a server with another, and TLS to both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis
import trustme

from dcp_operator.scaling.queues import QueueReader
from dcp_operator.scaling.reach import Reach
from dcp_operator.scaling.server import Server
from dcp_pipeline.queue import UNREACHABLE, Queue, connect
from dcp_pipeline.queue.connection import Login, refuses
from dcp_pipeline.queue.rights import rule
from support.dcp_process import dcp, write_spec
from support.redis_server import RunningServer, free_port, redis_server, sentinel_server

NAME = "default.botnet"
WATCHER = "ACL SETUSER watcher -@all +sentinel|get-master-addr-by-name"


class Guarded:
    """Where the Sentinel is, by TLS, and what trusts it."""

    def __init__(self, url: str, authority: Path, server: RunningServer) -> None:
        self.url, self.authority, self.server = url, authority, server
        self.tls = {"ssl_ca_certs": str(authority)}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    files = {"tls_ca_cert_file": "ca.pem", "tls_cert_file": "cert.pem", "tls_key_file": "key.pem"}
    settings = {name: str(folder / file) for name, file in files.items()} | {"tls_auth_clients": "no"}
    at_sentinel, at_server = free_port(), free_port()
    lines = "\n".join(f"{name.replace('_', '-')} {value}" for name, value in settings.items())
    with redis_server(**settings) as server:
        server.client().config_set("tls-port", at_server)
        server.client().execute_command(*f"{rule('dcp', NAME)} on >servers-word".split())
        more = f"{lines}\ntls-port {at_sentinel}\ntls-replication yes"
        with sentinel_server("mymaster", at_server, 1, more) as sentinel:
            sentinel.client().execute_command(*f"{WATCHER} on >watchers-word".split())
            sentinel.client().execute_command(*["ACL", "SETUSER", "default", "-@all", "+ping"])
            url = f"rediss+sentinel://dcp@127.0.0.1:{at_sentinel}/mymaster/0"
            yield Guarded(url, folder / "ca.pem", server)


def stats(guarded: Guarded, tls: dict[str, str], sentinels: Login | None, password: str = "servers-word") -> object:
    client = connect(guarded.url, password=lambda: password, tls=tls, sentinels=sentinels)
    return Queue(client, NAME).stats().backlog


def test_each_is_told_its_own_password(guarded: Guarded) -> None:
    assert stats(guarded, guarded.tls, Login("watcher", lambda: "watchers-word")) == 0


@pytest.mark.parametrize(
    ("sentinels", "password", "why"),
    [
        (None, "servers-word", "no Sentinel says which server is 'mymaster'.*permission"),
        (Login("watcher", "servers-word"), "servers-word", "no Sentinel says.*(WRONGPASS|invalid username-password)"),
        (Login("watcher", "watchers-word"), "watchers-word", "WRONGPASS|invalid username-password"),
    ],
)
def test_who_is_refused_is_told_by_whom(guarded: Guarded, sentinels: Login | None, password: str, why: str) -> None:
    with pytest.raises(redis.ConnectionError, match=why) as caught:
        stats(guarded, guarded.tls, sentinels, password)
    assert refuses(caught.value), "no waiting mends it"
    assert "s-word" not in str(caught.value)


def test_a_certificate_of_nobody_is_refused(guarded: Guarded) -> None:
    with pytest.raises(UNREACHABLE, match="certificate"):
        stats(guarded, {}, Login("watcher", "watchers-word"))


@pytest.fixture
async def reader() -> AsyncIterator[QueueReader]:
    reader = QueueReader(Reach(("127.0.0.1",)))
    yield reader
    reader.close()


async def test_the_operator_too(guarded: Guarded, reader: QueueReader) -> None:
    ca = guarded.authority.read_text()

    async def told(**changes: str) -> str | None:
        words = {"sentinel_username": "watcher", "sentinel_password": "watchers-word", "password": "servers-word"}
        server = Server(guarded.url, ca=ca, namespace="feeds", **(words | changes))
        return (await reader.read(server, [NAME]))[NAME].error

    assert await told() is None
    assert await told(sentinel_password="x") == "a Sentinel does not say which server is the master (WRONGPASS)"
    assert await told(password="x") == "the server refuses: WRONGPASS"


def test_a_spec_names_both_secrets(guarded: Guarded, tmp_path: Path) -> None:
    spec = write_spec(tmp_path / "spec.yaml", "http://127.0.0.1:1/", redis="URL")
    secret = "{{secretKeyRef: {{name: {}, key: word}}}}"
    more = (
        f'"{guarded.url}", password: {secret.format("server")}, '
        f"sentinel: {{username: watcher, password: {secret.format('watcher')}}}, "
        f"tls: {{ca: {{secretKeyRef: {{name: tls, key: ca}}}}}}"
    )
    spec.write_text(spec.read_text().replace('"URL"', more))
    secrets = {
        "DCP_SECRET_SERVER_WORD": "servers-word",
        "DCP_SECRET_WATCHER_WORD": "watchers-word",
        "DCP_SECRET_TLS_CA": guarded.authority.read_text(),
    }
    _, process = dcp(tmp_path, "doctor", str(spec), "-o", "json", env=secrets)
    found = {each["about"]: each for each in process.answer()["findings"]}
    assert found["queue.connection"]["state"] == "ok", process.out()
    assert (
        f"on 127.0.0.1:{guarded.server.client().config_get('tls-port')['tls-port']}"
        in found["queue.connection"]["says"]
    )
    assert "s-word" not in process.out() + process.err()
