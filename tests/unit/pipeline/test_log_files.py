"""Log files: they rotate by themselves, follow whoever rotates them, and hold work up for nothing."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dcp_pipeline.observe.logs import LogFiles, set_up_logs
from dcp_pipeline.settings import SettingInvalid

log = logging.getLogger("test")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, level, heard = list(root.handlers), root.level, signal.getsignal(signal.SIGUSR1)
    yield
    for each in root.handlers:
        each.close()
    root.handlers[:] = before
    root.setLevel(level)
    signal.signal(signal.SIGUSR1, heard)


def set_up(path: Path | None, errors: Path | None = None, most: int = 0, keep: int = 5, style: str = "") -> None:
    files = LogFiles(path, errors, most, keep)
    set_up_logs("info", style, lambda text: text.replace("hunter2", "***"), files)


def test_a_file_that_was_renamed_or_removed_is_opened_anew(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "dcp.log"
    set_up(path)
    log.info("one")
    path.rename(tmp_path / "dcp.log.1")
    os.kill(os.getpid(), signal.SIGUSR1)
    log.info("two")
    path.unlink()
    log.info("three")
    assert (tmp_path / "dcp.log.1").read_text().endswith("info    one\n")
    assert path.read_text().endswith("info    three\n")


def test_a_file_that_was_copied_and_truncated_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "dcp.log"
    set_up(path)
    log.info("one")
    os.truncate(path, 0)
    log.info("two")
    assert path.read_bytes().count(b"\0") == 0
    assert path.read_text().endswith("two\n")


def test_it_rotates_by_itself_and_keeps_so_many(tmp_path: Path) -> None:
    path = tmp_path / "dcp.log"
    set_up(path, most=200, keep=2)
    for n in range(40):
        log.info("line %03d of many", n)
    files = sorted(each.name for each in tmp_path.iterdir())
    assert files == ["dcp.log", "dcp.log.1", "dcp.log.2"]
    assert all((tmp_path / each).stat().st_size <= 200 for each in files)
    assert "line 039" in path.read_text()


def test_errors_stand_in_a_file_of_their_own_too_and_no_secret_in_either(tmp_path: Path) -> None:
    both, errors = tmp_path / "dcp.log", tmp_path / "errors.log"
    set_up(both, errors, style="json")
    log.info("begun", extra={"batch": "b1"})
    log.error("the password is hunter2")
    first, second = map(json.loads, both.read_text().splitlines())
    (only,) = map(json.loads, errors.read_text().splitlines())
    assert (first["batch"], second["message"]) == ("b1", "the password is ***")
    assert only == second
    assert {"@timestamp", "log.level", "log.logger"} <= set(only)


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingInvalid, match="file"):
        set_up(tmp_path / "file" / "dcp.log")


def test_a_file_that_cannot_be_written_is_told_once_and_ends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "logs" / "dcp.log"
    set_up(path)
    log.info("one")
    path.unlink()
    path.parent.rmdir()
    log.info("two")
    log.info("three")
    assert capsys.readouterr().err.count("the log cannot be written") == 1
    path.parent.mkdir()
    log.info("four")
    assert path.read_text().endswith("four\n")


WRITER = """
import logging, sys
from pathlib import Path
from dcp_pipeline.observe.logs import LogFiles, set_up_logs
set_up_logs("info", "console", str, LogFiles(Path(sys.argv[1]), None, 4000, 1000))
for number in range(600):
    logging.getLogger("w").info("%s-%d ends", sys.argv[2], number)
"""


def test_processes_that_write_to_one_file_rotate_it_in_turn(tmp_path: Path) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "dcp.log"), name], stderr=subprocess.PIPE)
        for name in "abc"
    ]
    assert [each.communicate(timeout=300)[1] for each in running] == [b"", b"", b""]
    lines = [line for each in tmp_path.iterdir() for line in each.read_text().splitlines()]
    found = sorted(line.split()[-2] for line in lines)
    assert found == sorted(f"{name}-{number}" for name in "abc" for number in range(600))
    assert len(list(tmp_path.iterdir())) > 10


def test_whoever_holds_the_folder_s_lock_holds_up_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dcp_pipeline.observe.log_files._LOCK_SECONDS", 0.05)
    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        set_up(tmp_path / "dcp.log", most=200, keep=20)
        for number in range(12):
            log.info("%d %s", number, "x" * 60)
    finally:
        os.close(held)
    lines = [line for each in tmp_path.iterdir() for line in each.read_text().splitlines()]
    assert sorted(int(line.split()[-2]) for line in lines) == list(range(12))
