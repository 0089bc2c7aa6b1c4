"""The port of probes and metrics, in both families."""

from __future__ import annotations

import socket
import urllib.request

import pytest
from prometheus_client import CollectorRegistry

from dcp_pipeline.observe.health import ANYWHERE, HealthServer


def answers(server: HealthServer, host: str) -> bool:
    with urllib.request.urlopen(f"http://{host}:{server.port}/healthz", timeout=30) as answer:
        return bool(answer.status == 200)


def started() -> HealthServer:
    server = HealthServer(ANYWHERE, 0, alive={}, ready={}, registry=CollectorRegistry())
    server.start()
    return server


def test_anywhere_is_both_families() -> None:
    server = started()
    try:
        assert answers(server, "127.0.0.1")
        if socket.has_dualstack_ipv6():
            assert answers(server, "[::1]")
    finally:
        server.stop()


def test_where_the_kernel_knows_no_ipv6_anywhere_is_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    create = socket.create_server

    def without(address: tuple[str, int], *, family: int = socket.AF_INET, **options: bool) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return create(address, family=family, backlog=5)

    monkeypatch.setattr(socket, "create_server", without)
    server = started()
    try:
        assert answers(server, "127.0.0.1")
    finally:
        server.stop()
