"""One command of `dcp`, run as a process of its own, so that whatever ends it is told: also a kill for its memory.

Its output goes on as it comes, to the pod's log. What it came to is left in the termination message
(TASK_MESSAGE_FILE, /dev/termination-log by default), at most 4096 bytes and without any of the mounted Secrets.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from msgspec.structs import replace

from dcp_cli.task.outcome import outcome_of
from dcp_cli.task.secrets import without_secrets
from dcp_pipeline.spec.kubernetes.task.outcome import Outcome, message_of

MESSAGE_FILE = "/dev/termination-log"
MOST_ANSWER_BYTES = 64 * 2**20
"""Of an answer that is longer, nothing is counted."""
LAST_LINES = 20


def main(words: Sequence[str], environment: Mapping[str, str], now: datetime) -> int:
    """The command's exit code; of one that a signal ended, 128 and the signal, as a shell says it."""
    command = [sys.executable, "-m", "dcp_cli", *with_time(words, now)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: process.send_signal(received))
    told: deque[str] = deque(maxlen=LAST_LINES)
    assert process.stdout is not None
    assert process.stderr is not None
    reading = threading.Thread(target=_pass_on_errors, args=(process.stderr, told))
    reading.start()
    answer = _pass_on(process.stdout)
    reading.join()
    ended = process.wait()
    code = ended if ended >= 0 else 128 - ended
    outcome = outcome_of(words[0] if words else "", answer, list(told), code)
    message = message_without_secrets(outcome, environment.get("DCP_SECRETS_DIR"))
    _leave(Path(environment.get("TASK_MESSAGE_FILE") or MESSAGE_FILE), message)
    return code


def message_without_secrets(outcome: Outcome, folder: str | None) -> str:
    """What is left behind. The secrets go before it is cut, for half of one is not found; and from the line alone, for
    one such as 1234 or exitCode stands in the message's own words."""
    return message_of(replace(outcome, outcome=without_secrets(outcome.outcome, folder))).decode()


def with_time(words: Sequence[str], now: datetime) -> list[str]:
    """The words, with the time in the name of the file that is written; a field may be called {time}."""
    if words[:1] != ["backup"]:
        return list(words)
    return [each.replace("{time}", now.strftime("%Y%m%dT%H%M%SZ")) for each in words]


def _pass_on(stream: IO[bytes]) -> bytes:
    kept, size = [], 0
    while chunk := os.read(stream.fileno(), 65536):
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        size += len(chunk)
        if size <= MOST_ANSWER_BYTES:
            kept.append(chunk)
    return b"".join(kept) if size <= MOST_ANSWER_BYTES else b""


def _pass_on_errors(stream: IO[bytes], told: deque[str]) -> None:
    for line in stream:
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
        told.append(line.decode(errors="backslashreplace").strip())


def _leave(path: Path, message: str) -> None:
    """A message that cannot be left must not change what the command came to."""
    try:
        path.write_text(message)
    except OSError as error:
        print(f"dcp: {path}: {error.strerror}: what it came to is only in this log", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, datetime.now(UTC)))
