"""How a run ends: by itself where only a person can help, in time, and as it is told to."""

from __future__ import annotations

import signal
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.botnet_feed import HEADER, write_feed
from support.dcp_process import DcpProcess, dcp, served, write_spec
from support.mariadb_server import shared_mariadb
from support.waiting import wait_until

PATIENT = 120
"""Seconds: on a starved machine a run begins late."""
GOOD = "2026-10-01 10:00:00,8.8.8.8,80,1,198.51.100.1,80,tcp,Mirai,curl,1"
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes}, {bytes}))
from dcp_cli.__main__ import main
main()
"""
HEARS = """
import signal
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
from dcp_cli.__main__ import main
main()
"""


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "feed").mkdir()
    (tmp_path / "feed" / "a.csv").write_text(f"{HEADER}\n{GOOD}\n")
    with served(tmp_path / "feed") as url:
        yield url


@contextmanager
def silent_server() -> Iterator[tuple[str, threading.Event]]:
    """A server that takes requests and does not answer; the event is set once one came."""
    asked, over = threading.Event(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.set()
            over.wait(300)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", asked
    over.set()
    server.shutdown()
    server.server_close()


def test_once_ends_by_itself_where_the_disk_is_full(tmp_path: Path) -> None:
    write_feed(tmp_path / "feed", 20_000, files=1, seed=5)
    with served(tmp_path / "feed") as url:
        spec = write_spec(tmp_path / "spec.yaml", url, max_records=2_000)
        program = [sys.executable, "-c", LIMITED.format(bytes=1_000_000)]
        run = DcpProcess(tmp_path, "run", str(spec), "--once", program=program)
        assert run.wait() == 1
        assert "free space on the database's disk" in run.err().splitlines()[-1]
        assert "Traceback" not in run.err()
        code, again = dcp(tmp_path, "run", str(spec), "--once", "-o", "json")
    assert (code, again.answer()["read"]) == (0, 20_000), again.err()


def test_once_ends_by_itself_where_a_right_is_missing(tmp_path: Path, feed: str) -> None:
    server = shared_mariadb()
    server.create_database("rights")
    spec = write_spec(tmp_path / "spec.yaml", feed, sink=server.url(database="rights"))
    env = {"DCP_SECRET_SINK_PASSWORD": server.password}
    assert dcp(tmp_path, "run", str(spec), "--once", env=env)[0] == 0
    server.execute(f"CREATE OR REPLACE USER reader@'%' IDENTIFIED BY '{server.password}'")
    server.execute("GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP ON rights.* TO reader@'%'")
    server.execute("REVOKE INSERT ON rights.* FROM reader@'%'")
    (tmp_path / "feed" / "b.csv").write_text(f"{HEADER}\n{GOOD.replace('8.8.8.8', '9.9.9.9')}\n")
    sink = server.url(user="reader", database="rights")
    code, run = dcp(tmp_path, "run", str(spec), "--once", "--sink", sink, env=env)
    assert code == 1
    assert "INSERT command denied" in run.err().splitlines()[-1]
    assert "mend the sink's URL, user" in run.err().splitlines()[-1]


def test_once_ends_when_its_time_is_over_and_says_so(tmp_path: Path) -> None:
    with silent_server() as (url, _):
        spec = write_spec(tmp_path / "spec.yaml", url)
        code, run = dcp(tmp_path, "run", str(spec), "--once", "--timeout", "2s")
    assert code == 124
    assert "--timeout is over" in run.err()
    code, run = dcp(tmp_path, "run", str(spec), "--timeout", "2s")
    assert (code, "--timeout is for --once" in run.err()) == (2, True)
    code, run = dcp(tmp_path, "run", str(spec), "--once", "--timeout", "soon")
    assert (code, "'soon' is not a duration" in run.err()) == (2, True)


@pytest.mark.parametrize(
    ("number", "once", "code"),
    [(signal.SIGTERM, False, 0), (signal.SIGHUP, False, 0), (signal.SIGINT, False, 130), (signal.SIGTERM, True, 130)],
)
def test_a_run_that_is_told_to_stop_ends_as_it_was_told(
    tmp_path: Path, number: signal.Signals, once: bool, code: int
) -> None:
    with silent_server() as (url, asked):
        spec = write_spec(tmp_path / "spec.yaml", url)
        run = DcpProcess(
            tmp_path, "run", str(spec), *(["--once"] if once else []), program=[sys.executable, "-c", HEARS]
        )
        wait_until(lambda: asked.is_set() or run.process.poll() is not None, "it works", within_seconds=PATIENT)
        run.process.send_signal(number)
        if number is signal.SIGHUP:
            run.process.send_signal(number)  # shell and kernel tell the end of a terminal
        assert run.wait() == code
    assert "leaving at once" not in run.err()


def test_a_service_says_what_it_is_what_is_done_and_nothing_while_nothing_happens(tmp_path: Path, feed: str) -> None:
    spec = write_spec(tmp_path / "spec.yaml", feed)
    spec.write_text(spec.read_text().replace("interval: 60s", "interval: 200ms"))
    run = DcpProcess(tmp_path, "run", str(spec), "--health-port", "0")
    wait_until(
        lambda: "done: " in run.err() or run.process.poll() is not None, "the object is done", within_seconds=PATIENT
    )
    first, *_ = run.err().splitlines()
    for part in ("dcp ", "default/botnet", "sources sinkhole", "queue embedded", f"sqlite:///{tmp_path}", "metrics at"):
        assert part in first
    (line,) = [each for each in run.err().splitlines() if "done: " in each]
    assert f"{feed}a.csv" in line
    for part in ("processed=1", "written=1", "duplicates=0", "rejected=0", "seconds="):
        assert part in line
    address = first.partition("metrics at ")[2].split()[0]

    def metric(name: str, **labels: str) -> float:
        with urllib.request.urlopen(address, timeout=30) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        wanted = {"pipeline": "default/botnet", **labels}
        (value,) = [s.value for family in families for s in family.samples if (s.name, s.labels) == (name, wanted)]
        return value

    said = run.err()
    assert metric("dcp_records_total", outcome="written") == 1
    assert metric("dcp_records_total", outcome="duplicates") == 0
    assert metric("dcp_errors_total", where="sink") == 0
    assert metric("dcp_fetcher_cut_records") == 1
    success, news = "dcp_source_last_success_timestamp_seconds", "dcp_source_last_new_data_timestamp_seconds"
    looked, brought = metric(success, source="sinkhole"), metric(news, source="sinkhole")
    wait_until(lambda: metric(success, source="sinkhole") > looked, "another look", within_seconds=PATIENT)
    assert metric(news, source="sinkhole") == brought > 0
    assert run.err() == said
    (tmp_path / "feed" / "b.csv").write_text(f"{HEADER}\n{GOOD}\n{GOOD.replace('8.8.8.8', 'none')}\n")
    wait_until(lambda: run.err().count("done: ") == 2, "the second object is done", within_seconds=PATIENT)
    assert "processed=2 written=0 duplicates=1 rejected=1" in run.err()
    assert metric(news, source="sinkhole") > brought
    assert run.terminate() == 0
