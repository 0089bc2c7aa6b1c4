"""Liveness tells stuck from idle and busy; logs are structured and keep secrets out."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from dcp_pipeline.ledger.model import Counts
from dcp_pipeline.observe import health
from dcp_pipeline.observe.health import MAX_CONNECTIONS, HealthServer
from dcp_pipeline.observe.logs import set_up_logs
from dcp_pipeline.observe.metrics import Metrics
from dcp_pipeline.observe.pulse import Pulse
from dcp_pipeline.settings import SettingInvalid
from support.waiting import wait_until


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_idle_loop_that_falls_silent_is_stuck() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    pulse.beat("worker-1")
    clock.now = 29
    assert pulse.stuck() == []
    clock.now = 31
    assert pulse.stuck() == ["worker-1: idle, silent for 31 s"]


def test_a_batch_of_two_minutes_is_busy_and_not_stuck() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    pulse.beat("worker-1", "batch 7", at_most_seconds=300)
    clock.now = 120
    assert pulse.stuck() == []
    clock.now = 301
    assert pulse.stuck() == ["worker-1: batch 7, silent for 301 s"]


def test_a_loop_that_ended_is_not_missed() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    pulse.beat("worker-1")
    pulse.end("worker-1")
    clock.now = 1000
    assert pulse.stuck() == []


@pytest.fixture
def restored_logging():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("restored_logging")
def test_a_log_line_is_json_with_its_extras_and_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("info", "json", lambda text: text.replace("hunter2", "***"))
    try:
        raise RuntimeError("login hunter2 refused")
    except RuntimeError:
        logging.getLogger("dcp").exception("failed with %s", "hunter2", extra={"batch": "b1", "why": "hunter2"})
    line = json.loads(capsys.readouterr().err)
    assert (line["log.level"], line["message"], line["batch"], line["why"]) == ("error", "failed with ***", "b1", "***")
    assert "hunter2" not in line["error.stack_trace"]


DEFECT = """
import sys, threading
from pathlib import Path
from dcp_pipeline.observe.logs import LogFiles, set_up_logs
files = LogFiles(Path(sys.argv[3])) if sys.argv[3:] else LogFiles()
set_up_logs("info", sys.argv[1], lambda text: text.replace("hunter2", "***"), files)
def fail():
    raise ValueError("login hunter2 refused \\x1b[31m")
if sys.argv[2] == "thread":
    thread = threading.Thread(target=fail, name="traces")
    thread.start()
    thread.join()
else:
    fail()
"""


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize("where", ["thread", "process"])
def test_what_nobody_catches_is_told_without_secrets(style: str, where: str) -> None:
    words = [sys.executable, "-c", DEFECT, style, where]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == (0 if where == "thread" else 1)
    assert "ValueError: login *** refused" in done.stderr
    assert "in fail" in done.stderr
    assert "hunter2" not in done.stderr
    assert "\x1b" not in done.stderr
    assert ("the thread traces has ended" in done.stderr) == (where == "thread")


def test_a_thread_that_nobody_caught_stands_in_the_log_file(tmp_path: Path) -> None:
    words = [sys.executable, "-c", DEFECT, "json", "thread", str(tmp_path / "dcp.log")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    line = json.loads((tmp_path / "dcp.log").read_text())
    assert (done.stderr, line["log.level"], line["message"]) == ("", "critical", "the thread traces has ended")
    assert "login *** refused" in line["error.stack_trace"]


@pytest.mark.usefixtures("restored_logging")
def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(SettingInvalid, match="LOG_LEVEL='loud'; allowed: debug, info, warning, error"):
        set_up_logs("loud", "json", str)


def test_half_open_connections_take_no_threads_and_keep_no_probe_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "REQUEST_SECONDS", 600.0)  # so that it is not time which ends them
    server = HealthServer("127.0.0.1", 0, alive={}, ready={}, registry=Metrics("default/botnet").registry)
    server.start()
    held = []
    try:
        before = threading.active_count()
        for number in range(300):
            held.append(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            held[-1].sendall(b"GET /healthz HTTP/1.1\r\nX: " + b"y" * number)
        assert threading.active_count() <= before
        assert urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz", timeout=60).status == 200
        wait_until(lambda: len(server._open) <= MAX_CONNECTIONS, "the oldest were pushed out", 60)
        held[-1].sendall(b"z" * 20_000 + b"\r\n\r\n")
        assert urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=60).status == 200
    finally:
        for each in held:
            each.close()
        server.stop()


@pytest.mark.parametrize(
    "head", [b"\r\n\r\n", b"POST /healthz HTTP/1.1\r\n\r\n", b"\xff\xfe \0 x\r\n\r\n", b"GET\r\n\r\n"]
)
def test_whatever_is_asked_is_answered(head: bytes) -> None:
    server = HealthServer("127.0.0.1", 0, alive={}, ready={}, registry=Metrics("default/botnet").registry)
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as asked:
            asked.sendall(head)
            assert asked.recv(100).startswith((b"HTTP/1.1 404", b"HTTP/1.1 405"))
        assert urllib.request.urlopen(f"http://127.0.0.1:{server.port}/readyz", timeout=60).status == 200
    finally:
        server.stop()


def test_the_health_port_answers_and_says_what_is_wrong() -> None:
    metrics = Metrics("default/botnet")
    metrics.settled(Counts(read=3, written=1, duplicates=1, rejected=1))
    server = HealthServer(
        "127.0.0.1",
        0,
        alive={"loops": lambda: None},
        ready={"sink": lambda: "me@db.secret.example/clean is away"},
        registry=metrics.registry,
    )
    server.start()
    try:
        base = f"http://127.0.0.1:{server.port}"
        assert urllib.request.urlopen(f"{base}/healthz").status == 200
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{base}/readyz")
        assert refused.value.code == 503
        assert json.loads(refused.value.read())["checks"] == {"loops": "ok", "sink": "failed, see the log"}
        page = urllib.request.urlopen(f"{base}/metrics").read().decode()
        assert 'dcp_records_total{outcome="duplicates",pipeline="default/botnet"} 1.0' in page
    finally:
        server.stop()


async def test_a_health_server_can_be_built_inside_a_running_loop() -> None:
    """As the operator does."""
    server = HealthServer("127.0.0.1", 0, alive={}, ready={}, registry=Metrics("default/botnet").registry)
    server.start()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /healthz HTTP/1.1\r\n\r\n")
        assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"
        writer.close()
    finally:
        server.stop()
