"""`dcp verify` that is killed half-way: the next one says so, and `--resume` goes on behind it."""

from __future__ import annotations

import json
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from support.dcp_process import DcpProcess, dcp, served, write_spec

KILLED = """
import os, signal, sys
from dcp_cli import verifying
from dcp_pipeline.verify import pages
pages.ROWS_AT_ONCE = pages.OBJECTS_AT_ONCE = 2
verifying._NOTED_SECONDS = verifying._SAID_SECONDS = 0.0
tell, part = verifying.Course.tell, sys.argv[1]
def told(self, page, passed):
    tell(self, page, passed)
    if page.part == part:
        os.kill(os.getpid(), signal.SIGKILL)
verifying.Course.tell = told
sys.argv = ["dcp", "verify", "spec.yaml"]
from dcp_cli.__main__ import main
main()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where three files were read into SQLite."""
    feed = tmp_path / "feed"
    feed.mkdir()
    header = "timestamp,src_ip,src_port,dst_ip,infection"
    for number in range(3):
        records = "\n".join(f"2026-10-0{number + 1} 00:00:0{each},192.0.2.{each},80,-,mirai" for each in range(4))
        (feed / f"{number}.csv").write_text(f"{header}\n{records}\n")
    with served(feed) as url:
        write_spec(tmp_path / "spec.yaml", url)
        code, run = dcp(tmp_path, "run", "spec.yaml", "--once")
        assert code == 0, run.err()
    return tmp_path


def killed_at(folder: Path, part: str) -> DcpProcess:
    process = DcpProcess(folder, part, program=[sys.executable, "-c", KILLED])
    assert process.wait() == -signal.SIGKILL, process.err()
    return process


@pytest.mark.parametrize("part", ["rows", "identities", "objects", "rest"])
def test_one_goes_on_where_another_was_killed(folder: Path, part: str) -> None:
    assert "of 4): " in killed_at(folder, part).err()
    code, resumed = dcp(folder, "verify", "spec.yaml", "--resume", "-o", "json")
    assert code == 0, resumed.err()
    said = json.loads(resumed.out())
    assert said["balanced"]
    assert said["resumed_from"]
    assert (said["looked_at"]["objects"], said["looked_at"]["rows"]) == (3, 12)
    code, again = dcp(folder, "verify", "spec.yaml", "--resume", "-o", "json")
    assert code == 0
    assert "begins at the beginning" in again.err()
    assert "resumed_from" not in json.loads(again.out())


def test_without_being_asked_it_begins_anew_and_says_that_it_could_have_gone_on(folder: Path) -> None:
    killed_at(folder, "objects")
    code, verify = dcp(folder, "verify", "spec.yaml")
    assert code == 0
    assert "with --resume it would have gone on" in verify.err()
    assert "looked at" not in verify.out()


def test_it_goes_on_in_words_for_people_too_and_refuses_what_does_not_go_together(folder: Path) -> None:
    killed_at(folder, "rest")
    code, resumed = dcp(folder, "verify", "spec.yaml", "--resume")
    assert code == 0
    assert "12 rows and 3 objects were looked at, and stood well" in resumed.out()
    code, refused = dcp(folder, "verify", "spec.yaml", "--resume", "--since", "1h")
    assert code == 2
    assert "exclude each other" in refused.err()


@pytest.mark.parametrize("began", ["2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"], ids=["days ago", "in the future"])
def test_what_was_passed_too_long_ago_is_looked_at_again(folder: Path, began: str) -> None:
    killed_at(folder, "rest")
    (noted,) = folder.rglob("verify.json")
    noted.write_text(json.dumps(json.loads(noted.read_text()) | {"began": began}))
    with sqlite3.connect(next(folder.rglob("*.db"))) as connection:
        connection.execute("DELETE FROM botnet WHERE rowid = (SELECT min(rowid) FROM botnet)")
    code, resumed = dcp(folder, "verify", "spec.yaml", "--resume")
    assert code == 1
    assert f"began at {began[:4]}" in resumed.err()
    assert "too long ago to go on from" in resumed.err()
    assert "NOT BALANCED" in resumed.out()
