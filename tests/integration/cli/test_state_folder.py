"""State files as a full disk, a crash or a hand leaves them: nothing outside is touched, and the next run works."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from dcp_cli.embedded import EmbeddedValkey, StateFolder
from dcp_cli.embedded.folder import folders_of, make_folder
from dcp_cli.errors import AlreadyRunning
from support.botnet_feed import HEADER
from support.dcp_process import DcpProcess, dcp, write_spec
from support.waiting import wait_until

PATIENT = 120
"""Seconds: on a starved machine a run begins late."""
GOOD = "2026-10-01 10:00:00,8.8.8.8,80,1,198.51.100.1,80,tcp,Mirai,curl,1"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder, which is the working folder too: a spec, a database, inputs, a letter."""
    folder = tmp_path / "home"
    (folder / "feed").mkdir(parents=True)
    (folder / "feed" / "a.csv").write_text(f"{HEADER}\n{GOOD}\n")
    (folder / "clean.db").write_bytes(b"rows of a year")
    (folder / "letter.txt").write_text("the only copy")
    (folder / ".dcp" / "default.botnet").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def belongings(home: Path) -> dict[str, bytes]:
    """Everything that is the user's."""
    files = (each for each in home.rglob("*") if each.is_file() and ".dcp" not in each.parts)
    return {str(each): each.read_bytes() for each in files}


def note(home: Path, name: str) -> Path:
    return home / ".dcp" / "default.botnet" / name


def url_is(text: str) -> Callable[[Path], None]:
    return lambda home: note(home, "redis-url").write_text(text.format(home=home)) and None


def url_is_of_bytes(home: Path) -> None:
    note(home, "redis-url").write_bytes(b"unix://\xff\x00\xfe")


def url_is_a_link(home: Path) -> None:
    note(home, "redis-url").symlink_to(home / "letter.txt")


def url_dangles(home: Path) -> None:
    note(home, "redis-url").symlink_to(home / "nothing")


def process_is_a_link(home: Path) -> None:
    note(home, "process").symlink_to(home / "letter.txt")


def spool_is_a_link(home: Path) -> None:
    note(home, "spool").symlink_to(home / "feed")


def state_is_a_link(home: Path) -> None:
    note(home, "").rmdir()
    (home / "elsewhere").mkdir()
    (home / ".dcp" / "default.botnet").symlink_to(home / "elsewhere")


def nothing(home: Path) -> None:
    note(home, "").rmdir()


SPOILT = [
    nothing,
    url_is(""),
    url_is("unix://"),
    url_is("unix://{home}/feed"),
    url_is("unix://{home}/valkey.sock"),
    url_is("{home}"),
    url_is("/"),
    url_is("unix:///tm"),
    url_is("unix:///../../..{home}/x/valkey.sock"),
    url_is_of_bytes,
    url_is_a_link,
    url_dangles,
    process_is_a_link,
    spool_is_a_link,
    state_is_a_link,
]


@pytest.mark.parametrize("spoil", SPOILT)
def test_whatever_the_notes_say_nothing_of_the_users_is_touched_and_the_run_works(
    home: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(home)
    before = belongings(home)
    state = StateFolder(Path(".dcp/default.botnet"))
    assert state.url() is None
    with state.alone(), EmbeddedValkey(state) as server:
        assert redis.Redis.from_url(server.url).ping()
        assert state.url() == server.url
        (folder,) = folders_of(state.path)
    assert state.url() is None
    assert not folder.exists()
    kept = {path: text for path, text in belongings(home).items() if "elsewhere" not in path}
    assert kept == before


def test_a_killed_runs_folder_goes_with_the_next_run_and_no_other_does(home: Path) -> None:
    mine, foreign = StateFolder(home / ".dcp" / "default.botnet"), home / ".dcp" / "other"
    left, others = make_folder(mine.path), make_folder(foreign)
    try:
        with mine.alone(), EmbeddedValkey(mine):
            assert not left.exists()
        assert others.exists()
    finally:
        (others / "made-by-dcp").unlink()
        others.rmdir()


@pytest.mark.parametrize("text", ["", '{"pid": 12', "[]", '{"pid": "x", "since": 1}', "\x00\xff"])
def test_an_overlapping_run_is_refused_whatever_the_note_says_about_the_first(home: Path, text: str) -> None:
    state = StateFolder(home / ".dcp" / "default.botnet")
    with state.alone():
        note(home, "process").write_text(text)
        with pytest.raises(AlreadyRunning, match="its process is not known"), StateFolder(state.path).alone():
            pass
    with StateFolder(state.path).alone():
        assert json.loads(note(home, "process").read_text())["pid"] == os.getpid()


def test_an_empty_note_and_a_whole_run(home: Path) -> None:
    note(home, "redis-url").write_text("")
    write_spec(home / "botnet.yaml", "http://127.0.0.1:1/")
    text = (
        (home / "botnet.yaml")
        .read_text()
        .replace("http:\n        url: http://127.0.0.1:1/", "file:\n        path: feed")
    )
    (home / "botnet.yaml").write_text(text)
    before = belongings(home)
    code, run = dcp(home, "run", "botnet.yaml", "--once", "-o", "json", env={"DCP_STATE_DIR": ".dcp"})
    assert (code, run.answer()["written"]) == (0, 1), run.err()
    assert {path: text for path, text in belongings(home).items() if path in before} == before


def test_a_disk_that_is_full_is_told_and_leaves_all_as_it_was(home: Path) -> None:
    """No byte can be written: what a full disk does to the first note."""
    spec = write_spec(home / "botnet.yaml", "http://127.0.0.1:1/")
    before = belongings(home)
    for name in ("redis-url", "process"):
        note(home, name).write_text("as it was")
    done = subprocess.run(
        [sys.executable, "-B", "-m", "dcp_cli", "run", str(spec), "--once"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
        env={**os.environ, "DCP_STATE_DIR": str(home / ".dcp")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert belongings(home) == before
    assert note(home, "redis-url").read_text() == "as it was"


def test_the_state_folder_is_a_file(home: Path) -> None:
    note(home, "").rmdir()
    (home / ".dcp" / "default.botnet").write_text("what is this?")
    spec = write_spec(home / "botnet.yaml", "http://127.0.0.1:1/")
    code, run = dcp(home, "run", str(spec), "--once", env={"DCP_STATE_DIR": str(home / ".dcp")})
    assert code == 1
    assert ".dcp/default.botnet" in run.err()
    assert "Traceback" not in run.err()


def test_a_killed_run_leaves_nothing_that_hinders_the_next(home: Path) -> None:
    spec = write_spec(home / "botnet.yaml", "http://127.0.0.1:1/")
    state = StateFolder(home / ".dcp" / "default.botnet")
    process = DcpProcess(home, "run", str(spec), env={"DCP_STATE_DIR": str(home / ".dcp")})
    wait_until(lambda: state.url() is not None, "the run is up", within_seconds=PATIENT)
    (left,) = folders_of(state.path)
    process.kill()
    assert left.exists()
    with state.alone(), EmbeddedValkey(state):
        assert not left.exists()
