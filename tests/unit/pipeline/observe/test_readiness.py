"""What a process tells its manager, over a real socket."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from dcp_pipeline.observe.readiness import READY, tell_manager, watchdog_seconds


@pytest.mark.parametrize("abstract", [False, True])
def test_the_manager_is_told(tmp_path: Path, abstract: bool) -> None:
    name = f"@dcp-test-{os.getpid()}" if abstract else str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if abstract else name)
        assert tell_manager(READY, "STATUS=3 of 3", environment={"NOTIFY_SOCKET": name})
        assert manager.recv(1000).decode().split("\n") == ["READY=1", "STATUS=3 of 3", f"X_PID={os.getpid()}"]


def test_nobody_is_told_where_nobody_listens(tmp_path: Path) -> None:
    for address in ("", str(tmp_path / "none"), "relative"):
        assert not tell_manager(READY, environment={"NOTIFY_SOCKET": address})


def test_the_watchdog_is_the_one_of_this_process() -> None:
    assert watchdog_seconds({"WATCHDOG_USEC": "30000000"}) == 30
    assert watchdog_seconds({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}) == 30
    assert watchdog_seconds({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}) is None
    assert (
        watchdog_seconds({"WATCHDOG_USEC": "0"})
        is watchdog_seconds({"WATCHDOG_USEC": "soon"})
        is watchdog_seconds({})
        is None
    )
