"""The commands on a real terminal: escapes of a feed never reach it, colours and one line of progress do."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.botnet_feed import HEADER, write_feed
from support.dcp_process import dcp, served, write_spec

GOOD = "2026-10-01 10:00:00,8.8.8.8,80,1,198.51.100.1,80,tcp,Mirai,curl,1"
EVIL = GOOD.replace("8.8.8.8", "\x1b]0;owned\x07\x1b[2J8.8.8").replace("curl", "\u202ecurl\x9b")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def on_a_terminal(folder: Path, *arguments: str, **env: str) -> tuple[int, str]:
    """Exit code, and all that came to the terminal: stdout and stderr."""
    ours, theirs = pty.openpty()
    environment = {"TERM": "xterm-256color", "DCP_STATE_DIR": str(folder / "state"), **env}
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | environment
    program = [sys.executable, "-m", "dcp_cli", *arguments]
    process = subprocess.Popen(program, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment)
    os.close(theirs)
    came = bytearray()
    try:
        while data := os.read(ours, 4096):
            came += data
    except OSError:
        pass  # Linux says EIO where the other end is closed
    os.close(ours)
    return process.wait(), came.decode(errors="surrogateescape")


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "feed").mkdir()
    (tmp_path / "feed" / "a.csv").write_text(f"{HEADER}\n{GOOD}\n{EVIL}\n", encoding="utf-8")
    with served(tmp_path / "feed") as url:
        made = write_spec(tmp_path / "spec.yaml", url)
        assert dcp(tmp_path, "run", str(made), "--once")[0] == 0
        yield made  # type: ignore[misc]


def test_escapes_of_a_feed_never_reach_the_terminal(tmp_path: Path, spec: Path) -> None:
    commands = [
        ("preview", str(spec)),
        ("rejects", "ls", str(spec)),
        ("rejects", "export", str(spec)),
        ("rejects", "export", str(spec), "--format", "ndjson"),
        ("status", str(spec)),
        ("verify", str(spec)),
    ]
    for command in commands:
        code, came = on_a_terminal(tmp_path, *command)
        plain = COLOURS.sub("", came).replace("\r\n", "\n")
        assert code == 0, plain
        steering = [each for each in plain if (ord(each) < 32 and each != "\n") or ord(each) in (0x7F, 0x9B, 0x202E)]
        assert not steering, (command, plain)
    code, elsewhere = dcp(tmp_path, "rejects", "export", str(spec))
    assert "\x1b]0;owned\x07" in elsewhere.out()


def test_colour_is_for_a_terminal_that_wants_it(tmp_path: Path, spec: Path) -> None:
    assert COLOURS.search(on_a_terminal(tmp_path, "preview", str(spec))[1])
    without = on_a_terminal(tmp_path, "preview", str(spec), NO_COLOR="1")[1]
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", without)
    assert "\x1b" not in dcp(tmp_path, "preview", str(spec))[1].out()


def test_preview_marks_what_changed_and_looks_for_a_reject(tmp_path: Path) -> None:
    lines = [GOOD.replace("10:00:00", f"10:{n // 60:02}:{n % 60:02}") for n in range(300)]
    lines[250] = lines[250].replace("8.8.8.8", "8.8.8.888")
    (tmp_path / "feed").mkdir()
    (tmp_path / "feed" / "a.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    with served(tmp_path / "feed") as url:
        spec = write_spec(tmp_path / "spec.yaml", url)
        code, text = dcp(tmp_path, "preview", str(spec), "-n", "3")
        code_json, told = dcp(tmp_path, "preview", str(spec), "-n", "3", "-o", "json")
    assert (code, code_json) == (0, 0)
    assert "*family=mirai" in text.out()
    assert " src_ip=8.8.8.8" in text.out()
    assert "+src_country=" in text.out()
    assert "record 251, line 252" in text.out()
    assert "reject  type-error in src_ip" in text.out()
    (source,) = told.answer()["sources"]
    assert len(source["records"]) == 3
    assert [each["record"] for each in source["further_rejects"]] == [251]


@pytest.mark.parametrize("records", [30, 30_000])
def test_a_runs_progress_is_a_line_on_a_terminal_and_logs_stand_above_it(tmp_path: Path, records: int) -> None:
    write_feed(tmp_path / "feed", records, files=3, seed=7)
    with served(tmp_path / "feed") as url:
        spec = write_spec(tmp_path / "spec.yaml", url)
        code, came = on_a_terminal(tmp_path, "run", str(spec), "--once", COLUMNS="80")
    assert code == 0, came
    assert "of 3 objects" in came
    assert " records" in came
    logged = [line for line in COLOURS.sub("", came).splitlines() if "done: " in line]
    assert len(logged) == 3
