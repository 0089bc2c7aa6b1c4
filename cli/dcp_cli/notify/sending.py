"""Sends messages, each from a process of its own that is ended when its time is over: a service that hangs holds up
nobody else, and what Apprise needs of memory goes with the process."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from dcp_cli.notify.deliver import Delivery
from dcp_cli.notify.letters import Letter
from dcp_cli.notify.services import Service

LIMIT_SECONDS = 30.0
_LONGEST = 300


def send(letters: Sequence[tuple[Service, Letter]], limit_seconds: float = LIMIT_SECONDS) -> list[str | None]:
    """Send them all at the same time; for each why it did not go, or None. Takes `limit_seconds` at most."""
    deadline = time.monotonic() + limit_seconds
    started = [_start(service, letter) for service, letter in letters]
    return [
        each if isinstance(each, str) else _end(each, service, deadline, limit_seconds)
        for each, (service, _) in zip(started, letters, strict=True)
    ]


def _start(service: Service, letter: Letter) -> subprocess.Popen[bytes] | str:
    # The URL is a secret, and a command line is read by everybody.
    wanted = Delivery(service.url, letter.title, letter.body, letter.type)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "dcp_cli.notify.deliver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        return f"no process can be started: {error}"
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.write(msgspec.json.encode(wanted))
    with suppress(BrokenPipeError):
        process.stdin.close()
    process.stdin = None
    return process


def _end(process: subprocess.Popen[bytes], service: Service, deadline: float, limit_seconds: float) -> str | None:
    try:
        said, _ = process.communicate(timeout=max(deadline - time.monotonic(), 0.0))
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return f"no answer within {limit_seconds:g} s"
    if process.returncode == 0:
        return None
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return service.redact("; ".join(lines) or "it ended without a word")[:_LONGEST]
