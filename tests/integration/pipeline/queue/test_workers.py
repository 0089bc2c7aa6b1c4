"""Signs of life, the lease keeper on a real server, and clients over TLS and with passwords."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
import trustme
from msgspec.structs import replace

from dcp_pipeline.queue import Job, LeaseKeeper, Queue, WorkerReport, WorkerVitals, connect, ping
from support.redis_server import redis_server
from support.waiting import wait_until

VITALS = WorkerVitals(
    started_at=datetime(2024, 5, 17, 8, 30, tzinfo=UTC),
    tasks_done=3,
    records=30_000,
    cpu_seconds=1.25,
    rss_bytes=120_000_000,
    busy=True,
    host="node-1",
    pid=4711,
)


def test_workers_are_known_by_their_last_beat(queue: Queue) -> None:
    queue.beat("w2", VITALS)
    queue.beat("w1", VITALS)
    queue.beat("w1", replace(VITALS, tasks_done=4, busy=False))
    assert queue.workers() == [
        WorkerReport("w1", replace(VITALS, tasks_done=4, busy=False)),
        WorkerReport("w2", VITALS),
    ]


def test_a_worker_that_fell_silent_is_gone_and_the_last_one_leaves_no_key(queue: Queue, client: redis.Redis) -> None:
    queue.beat("silent", VITALS)
    client.zadd(queue.keys.workers, {"silent": 1})
    assert queue.workers() == []
    queue.beat("loud", VITALS, ttl_seconds=0.2)
    assert client.hkeys(queue.keys.vitals) == [b"loud"]
    wait_until(lambda: not client.exists(queue.keys.workers, queue.keys.vitals), "both keys expire")


def test_a_kept_lease_outlives_its_lease_time(make_queue: Callable[..., Queue], client: redis.Redis) -> None:
    queue = make_queue(lease_seconds=2)
    queue.enqueue([Job("a", b""), Job("b", b"")])
    kept, abandoned = queue.exchange("w", [], 2).leases
    keeper = LeaseKeeper(queue, 60, on_hung=pytest.fail, on_lost=pytest.fail)
    keeper.add(kept)
    keeper.start()
    wait_until(lambda: queue.exchange("other", [], 1).leases, "the abandoned lease is given away")
    keeper.stop()
    assert queue.exchange("w", [kept, abandoned], 0).acknowledged == {"a"}


def test_a_client_speaks_tls_and_checks_whom_it_speaks_to(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    (tmp_path / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    settings = {
        "tls_ca_cert_file": str(tmp_path / "ca.pem"),
        "tls_cert_file": str(tmp_path / "cert.pem"),
        "tls_key_file": str(tmp_path / "key.pem"),
        "tls_auth_clients": "no",
    }
    with redis_server(**settings) as server:
        tls_port = int(server.url.split(":")[2].split("/")[0]) + 1
        server.client().config_set("tls-port", tls_port)
        url = f"redis://127.0.0.1:{tls_port}/0"
        with connect(url, tls={"ssl_ca_certs": str(tmp_path / "ca.pem")}) as trusting:
            ping(trusting)
        with connect(url, tls={}) as doubting, pytest.raises(redis.ConnectionError, match="certificate"):
            ping(doubting)
        insecure = {"ssl_cert_reqs": ssl.CERT_NONE, "ssl_check_hostname": False}
        with connect(url, tls=insecure) as careless:
            ping(careless)


def test_a_password_lets_in_and_stands_in_no_error() -> None:
    with redis_server() as server:
        server.client().acl_setuser("dcp", enabled=True, passwords=["+s3cret"], keys=["*"], categories=["+@all"])
        server.client().acl_setuser("default", enabled=False)
        with connect(server.url, "dcp", "s3cret") as client:
            Queue(client, "q").enqueue([Job("a", b"")])
        with connect(server.url, "dcp", "wr0ng") as client, pytest.raises(redis.RedisError) as refused:
            ping(client)
        assert "wr0ng" not in str(refused.value)
