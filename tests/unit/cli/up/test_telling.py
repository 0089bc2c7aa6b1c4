"""When a supervisor is up, for whoever manages it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from dcp_cli.errors import CommandFailed
from dcp_cli.up.notes import PipelineNote, Status, UpFolder
from dcp_cli.up.telling import Teller


def test_one_pipeline_that_cannot_begin_does_not_keep_the_others_from_being_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, starting = PipelineNote("one", "one.yaml", "running"), PipelineNote("two", "two.yaml", "starting")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        teller = Teller(UpFolder(tmp_path), {}, now=0)
        teller.tell([running, starting], "", now=59)
        with pytest.raises(BlockingIOError):
            manager.recv(1000)
        teller.tell([running, starting], "", now=61)
        teller.tell([running, starting], "", now=62)
        assert "STATUS=1 of 2 pipelines run" in manager.recv(1000).decode()
        with pytest.raises(BlockingIOError):
            manager.recv(1000)
    assert '"two"' in (tmp_path / "status.json").read_text()


def test_the_status_is_written_when_it_can_be(tmp_path: Path) -> None:
    teller = Teller(UpFolder(tmp_path / "later"), {}, now=0)
    teller.tell([], "", now=1)
    (tmp_path / "later").mkdir()
    teller.tell([], "", now=2)
    assert (tmp_path / "later" / "status.json").exists()


def test_the_processes_of_a_supervisor_that_is_gone_are_not_shown_as_those_of_the_next(tmp_path: Path) -> None:
    folder = UpFolder(tmp_path / "up")
    with folder.state.alone("dcp up", "is here"):
        folder.write(Status(os.getpid() + 1, since=1.0, pipelines=(PipelineNote("one", "one.yaml", "running"),)))
        with pytest.raises(CommandFailed, match="has told nothing yet"):
            folder.read()
        folder.write(Status(os.getpid(), since=2.0))
        assert folder.read().since == 2.0
    with pytest.raises(CommandFailed, match="no `dcp up` runs here"):
        folder.read()
