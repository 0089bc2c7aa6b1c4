"""`dcp up`: pipelines beside each other, none of which ends with another; changes of their files; no orphan."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest

from support.dcp_process import DcpProcess
from support.fleet import PATIENT, Fleet, gone, is_alive, write_pipeline
from support.waiting import wait_until


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path / "specs", tmp_path / "work")
    yield fleet
    fleet.run("down", str(fleet.folder))


def until(condition: object, what: str, process: DcpProcess) -> None:
    try:
        wait_until(condition, what, PATIENT, 0.1)  # type: ignore[arg-type]
    except AssertionError:
        raise AssertionError(f"{what}: {process.err()[-3000:]}") from None


def test_a_folder_runs_each_pipeline_for_itself(fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    errors = tmp_path / "errors.log"
    monkeypatch.setenv("LOG_ERRORS_FILE", str(errors))
    monkeypatch.setenv("LOG_KEEP", "many")
    (fleet.folder / "absent.yaml").write_text("kind: DataCleaningPipeline\n")
    code, refused = fleet.run("up", str(fleet.folder))
    assert (code, "LOG_KEEP" in refused.err()) == (2, True)
    (fleet.folder / "absent.yaml").unlink()
    monkeypatch.setenv("LOG_KEEP", "2")
    for name in ("one", "two"):
        write_pipeline(fleet.folder, name)
    (fleet.folder / "broken.yaml").write_text("kind: DataCleaningPipeline\nmetadata: {name: Broken!}\n")
    (fleet.folder / "twin.yaml").write_text((fleet.folder / "one.yaml").read_text())
    up = fleet.up()
    fleet.wait_for_rows("one", 3)
    fleet.wait_for_rows("two", 3)
    assert "broken.yaml is not taken up" in up.err()
    assert "broken.yaml is not taken up" in errors.read_text(), "of the supervisor"
    assert fleet.pipeline("broken")["state"] == "broken"
    assert "has the same queue" in next(
        each["trouble"] for each in fleet.status()["pipelines"] if each["spec"].endswith("twin.yaml")
    )
    code, ps = fleet.run("ps", str(fleet.folder))
    assert code == 1, "a broken spec is not well"
    assert "broken" in ps.out()
    code, second = fleet.run("up", str(fleet.folder))
    assert code == 75
    assert f"process {up.process.pid}" in second.err()
    code, status = fleet.run("status", str(fleet.folder / "one.yaml"))
    assert code == 0
    assert "queue: 0 ready" in status.out(), "the shared queue is found"

    # One that dies ends no other, and comes back.
    (two,), (one,) = fleet.pids("two"), fleet.pids("one")
    os.kill(one, signal.SIGKILL)
    until(lambda: fleet.pids("one") and fleet.pids("one") != [one], "it comes back", up)
    assert fleet.pids("two") == [two]
    assert fleet.pipeline("one")["restarts"] == 1
    assert "signal SIGKILL" in fleet.pipeline("one")["trouble"]
    (fleet.folder / "feed-one" / "second.csv").write_text("n\n100\n")
    fleet.wait_for_rows("one", 4)

    pids = fleet.all_pids()
    assert up.terminate(PATIENT) == 0
    assert gone(pids)
    code, logs = fleet.run("logs", "-C", str(fleet.folder), "one", "-n", "1000")
    assert code == 0
    assert {line.partition(" | ")[0] for line in logs.out().splitlines()} >= {"one.fetcher", "one.worker"}
    assert fleet.run("ps", str(fleet.folder))[0] == 1


@pytest.mark.parametrize("command", ["up", "run"])
def test_a_source_that_cannot_be_read_shows_in_the_status_and_again_when_it_can(fleet: Fleet, command: str) -> None:
    spec = write_pipeline(fleet.folder, "one")
    feed = fleet.folder / "feed-one"
    process = DcpProcess(fleet.state, command, str(spec))
    fleet.wait_for_rows("one", 3)
    feed.rename(fleet.folder / "away")
    until(lambda: "source feed: " in fleet.run("status", str(spec))[1].out(), "it is told", process)
    (fleet.folder / "away").rename(feed)
    until(lambda: "source feed: " not in fleet.run("status", str(spec))[1].out(), "and told no more", process)
    assert process.terminate(PATIENT) == 0


def test_the_metrics_of_all_processes_are_on_one_port(fleet: Fleet) -> None:
    for name in ("one", "two"):
        write_pipeline(fleet.folder, name)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    up = fleet.up("--workers", "2", "--metrics", str(port))

    def samples() -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        try:
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as page:
                for line in page.read().decode().splitlines():
                    if not line.startswith("#"):
                        found.setdefault(line.partition("{")[0], []).append(float(line.rpartition(" ")[2]))
        except OSError:
            return {}
        return found

    until(lambda: samples().get("dcp_up_process") == [1.0] * 6, "two fetchers and four workers answer", up)
    fleet.wait_for_rows("one", 3)
    fleet.wait_for_rows("two", 3)
    seen = samples()
    assert sum(seen["dcp_records_total"]) == 2 * (3 + 3), "read and written"
    assert seen["dcp_up_pipeline_running"] == [1.0, 1.0]
    until(lambda: samples().get("dcp_ledger_up") == [1.0, 1.0], "the ledger is looked at", up)
    assert up.terminate(PATIENT) == 0
    assert samples() == {}


def test_changes_are_taken_up_and_a_broken_one_leaves_the_old_running(fleet: Fleet) -> None:
    spec = write_pipeline(fleet.folder, "one")
    up = fleet.up()
    fleet.wait_for_rows("one", 3)
    (old,) = fleet.pids("one")

    good = spec.read_text()
    spec.write_text(good.replace("type: integer", "type: intger"))
    until(lambda: "did you mean" in fleet.pipeline("one")["trouble"], "the typo is told", up)
    assert fleet.pids("one") == [old]
    spec.write_text(good)
    until(lambda: fleet.pipeline("one")["trouble"] == "", "it is as it was", up)
    assert fleet.pids("one") == [old], "what runs already is not started again"

    # Valid in itself; the table of what was written so far does not fit it.
    spec.write_text(good.replace("{name: n, type: integer}", "{name: n, type: integer}, {name: m}"))
    until(lambda: "not taken up" in fleet.pipeline("one")["trouble"], "the table refuses", up)
    assert "column m is missing" in fleet.pipeline("one")["trouble"]
    assert fleet.pids("one") == [old]
    assert fleet.run("ps", str(fleet.folder))[0] == 1

    with closing(sqlite3.connect(fleet.folder / "one.db")) as database:
        database.execute("ALTER TABLE one ADD COLUMN m TEXT")
    os.kill(up.process.pid, signal.SIGHUP)
    until(lambda: fleet.pids("one") and fleet.pids("one") != [old], "mended and asked, it is tried again", up)
    until(lambda: fleet.pipeline("one")["trouble"] == "", "and holds", up)
    (old,) = fleet.pids("one")

    spec.write_text(good.replace("unique: [n]}", "unique: [n], filter: [{drop: {field: n, equals: 7}}]}"))
    until(lambda: fleet.pids("one") and fleet.pids("one") != [old], "the change is taken up", up)
    (fleet.folder / "feed-one" / "second.csv").write_text("n\n7\n8\n")
    fleet.wait_for_rows("one", 4)

    write_pipeline(fleet.folder, "two", rows=5)
    fleet.wait_for_rows("two", 5)
    pids = [*fleet.pids("two"), *fleet.pids("two", "worker")]
    (fleet.folder / "two.yaml").unlink()
    until(lambda: gone(pids) and not fleet.pipeline("two"), "what is removed ends", up)
    assert fleet.pids("one")


def test_workers_are_replaced_one_by_one(fleet: Fleet) -> None:
    write_pipeline(fleet.folder, "one")
    up = fleet.up("--workers", "2")
    until(lambda: len(fleet.pids("one", "worker")) == 2, "two workers", up)
    before = set(fleet.pids("one", "worker"))
    restart = DcpProcess(fleet.state, "restart", "-C", str(fleet.folder), "one")
    least = 2
    while restart.process.poll() is None:
        least = min(least, len(fleet.pids("one", "worker")))
    assert restart.process.returncode == 0, restart.err()
    assert least == 2, "never fewer than there are to be"
    assert len(fleet.pids("one", "worker")) == 2
    assert not before & set(fleet.pids("one", "worker"))
    assert fleet.run("restart", "-C", str(fleet.folder), "nobody")[0] == 1


def test_nothing_is_left_when_the_supervisor_is_killed(fleet: Fleet) -> None:
    for name in ("one", "two"):
        write_pipeline(fleet.folder, name)
    up = fleet.up("--workers", "1")
    until(lambda: fleet.pids("one", "worker") and fleet.pids("two", "worker"), "workers", up)
    pids = fleet.all_pids()
    up.kill()
    until(lambda: gone(pids), "its processes go", up)
    again = fleet.up()
    fleet.wait_for_rows("two", 3)
    os.kill(again.process.pid, signal.SIGHUP)
    until(lambda: "SIGHUP" in again.err(), "it reads anew", again)
    assert is_alive(again.process.pid)
    again.process.send_signal(signal.SIGINT)
    assert again.wait(PATIENT) == 130


@pytest.mark.parametrize("command", ["up", "run"])
def test_the_process_manager_is_told(fleet: Fleet, tmp_path: Path, command: str) -> None:
    spec = write_pipeline(fleet.folder, "one")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENT)
        told = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        process = DcpProcess(fleet.state, command, str(spec), env=told)

        def words() -> list[str]:
            return manager.recv(4096).decode().split("\n")

        first = words()
        while "READY=1" not in first:
            assert first[0] == "WATCHDOG=1"
            first = words()
        assert f"X_PID={process.process.pid}" in first
        if command == "up":
            while "WATCHDOG=1" not in words():
                pass
        process.process.send_signal(signal.SIGTERM)
        while "STOPPING=1" not in words():
            pass
        assert process.wait(PATIENT) == 0


def test_an_upgrade_keeps_process_queue_and_workers_at_work(fleet: Fleet) -> None:
    """The new program is the same one here: that it is loaded anew shows in what it says of itself."""
    write_pipeline(fleet.folder, "one")
    up = fleet.up("--workers", "1")
    until(lambda: fleet.pids("one", "worker"), "a worker", up)
    before, workers, queue = fleet.status(), fleet.pids("one", "worker"), valkey_of(up.process.pid)
    assert len(queue) == 1
    restart = DcpProcess(fleet.state, "restart", "-C", str(fleet.folder), "--upgrade")
    least = 1
    while restart.process.poll() is None:
        least = min(least, len(fleet.pids("one", "worker")))
    assert restart.process.returncode == 0, restart.err() + up.err()[-3000:]
    after = fleet.status()
    assert (after["pid"], valkey_of(up.process.pid)) == (before["pid"], queue)
    assert after["since"] > before["since"]
    assert up.err().count("up: 1 of 1 pipelines run") == 2
    assert least == 1, "a worker was there all the time"
    assert fleet.pids("one", "worker") != workers
    (fleet.folder / "feed-one" / "second.csv").write_text("n\n100\n")
    fleet.wait_for_rows("one", 4)
    pids = [*fleet.all_pids(), *queue]
    assert up.terminate(PATIENT) == 0
    assert gone(pids)


def valkey_of(supervisor: int) -> list[int]:
    """The embedded queue's process."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    return [int(pid) for pid in children if "valkey-server" in Path(f"/proc/{pid}/cmdline").read_text()]
