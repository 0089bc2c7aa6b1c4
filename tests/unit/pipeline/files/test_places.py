"""Where files lie, and what errors say."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dcp_pipeline.errors import Unusable, in_words
from dcp_pipeline.files.places import beside, folder_of, state_base
from dcp_pipeline.setup import load_setup
from support.dcp_process import write_spec


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("sqlite:///clean.db", "sqlite:////srv/feeds/clean.db"),
        ("sqlite:///./data/../clean.db", "sqlite:////srv/feeds/clean.db"),
        ("sqlite:///../clean.db?timeout=5", "sqlite:////srv/clean.db?timeout=5"),
        ("sqlite:////var/clean.db", "sqlite:////var/clean.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
        ("mysql+pymysql://me@host/clean", "mysql+pymysql://me@host/clean"),
    ],
)
def test_a_relative_file_of_sqlite_lies_beside_the_spec(url: str, wanted: str) -> None:
    assert beside(Path("/srv/feeds"), url) == wanted


def test_a_folder_that_no_url_can_name_is_told() -> None:
    with pytest.raises(Unusable, match=r"can name /srv/what\?/clean.db"):
        beside(Path("/srv/what?"), "sqlite:///clean.db")


def test_sink_and_state_follow_the_spec_and_a_flag_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "elsewhere").mkdir()
    write_spec(tmp_path / "specs" / "botnet.yaml", "http://127.0.0.1:1/")
    write_spec(tmp_path / "specs" / "own.yaml", "http://127.0.0.1:1/", sink="sqlite:///own.db")
    monkeypatch.chdir(tmp_path / "elsewhere")
    setup = load_setup("../specs/botnet.yaml", {})
    assert setup.sink_url == f"sqlite:///{tmp_path}/specs/botnet.db"
    assert setup.state_folder == tmp_path / "specs" / ".dcp" / "default.botnet"
    assert load_setup("../specs/own.yaml", {}).sink_url == f"sqlite:///{tmp_path}/specs/own.db"
    assert load_setup("../specs/own.yaml", {}, sink="sqlite:///mine.db").sink_url == "sqlite:///mine.db"
    assert load_setup("../specs/botnet.yaml", {"DCP_STATE_DIR": "s"}).state_folder == Path("s/default.botnet")


def test_state_is_kept_for_the_user_where_the_specs_folder_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    first, second = state_base(Path("/etc/feeds"), {}), state_base(Path("/etc/others"), {})
    assert first.is_relative_to(tmp_path / "state")
    assert first != second


@pytest.mark.parametrize("what", ["a file", "a link that leads nowhere"])
def test_state_is_kept_for_the_user_where_something_else_lies_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).is_dir())  # as for a user other than root
    place = tmp_path / ".dcp"
    if what == "a file":
        place.write_text("x")
    else:
        place.symlink_to("nowhere")
    assert state_base(tmp_path, {}).is_relative_to(tmp_path / "state")


def test_a_spec_that_comes_through_a_pipe_has_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "deep").mkdir()
    assert folder_of(tmp_path / "pipe") == Path.cwd()
    assert folder_of(tmp_path / "deep" / "spec.yaml") == tmp_path / "deep"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.csv"), "a.csv: No such file or directory"),
        (OSError(errno.EXDEV, "Invalid cross-device link", "a", None, "b"), "a to b: Invalid cross-device link"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (ConnectionError("Can't connect ([Errno 111] Connection refused)"), "Can't connect (Connection refused)"),
        (OSError("the server did not start"), "the server did not start"),
        (PermissionError(errno.EACCES, "Permission denied", b"\xff"), "\ufffd: Permission denied"),
        (ValueError(), "ValueError"),
    ],
)
def test_errors_of_the_system_are_told_in_words(error: Exception, words: str) -> None:
    assert in_words(error) == words


@pytest.mark.parametrize("text", ["0s", "0ms", "1ms"])
def test_an_interval_of_nothing_is_refused(tmp_path: Path, text: str) -> None:
    spec = write_spec(tmp_path / "botnet.yaml", "http://127.0.0.1:1/")
    spec.write_text(spec.read_text().replace("interval: 60s", f"interval: {text}\n        timeout: 0s"))
    with pytest.raises(ValueError, match="at least 10ms") as refused:
        load_setup(spec, {})
    assert "spec.sources[0].http.interval" in str(refused.value)
    assert "spec.sources[0].http.timeout" in str(refused.value)
