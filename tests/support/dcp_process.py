"""The product as its users run it: `dcp` in a process of its own, on a spec written for the test."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[2] / "examples"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder over HTTP on a free port of loopback; the URL of its listing."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def write_spec(
    path: Path,
    feed_url: str,
    *,
    sink: str | None = None,
    redis: str | None = None,
    concurrency: int = 2,
    max_records: int = 10_000,
    table: str = "botnet",
) -> Path:
    """examples/botnet.yaml with this feed, sink and queue. Secrets are named, never written."""
    text = (EXAMPLES / "botnet.yaml").read_text()
    text = text.replace("http://127.0.0.1:8000/sinkhole/", feed_url)
    text = text.replace("path: country.mmdb", f"path: {EXAMPLES / 'country.mmdb'}")
    text = text.replace("concurrency: 2", f"concurrency: {concurrency}")
    text += f"  fetcher: {{batch: {{maxRecords: {max_records}}}}}\n"
    if sink:
        secret = "" if sink.startswith("sqlite") else ", password: {secretKeyRef: {name: sink, key: password}}"
        text += f'  sink: {{sql: {{url: "{sink}", table: {table}{secret}}}}}\n'
    if redis:
        text += f'  queue: {{redis: {{url: "{redis}"}}}}\n'
    path.write_text(text)
    return path


class DcpProcess:
    """One `dcp` process. Its output goes to files in `folder`."""

    def __init__(
        self, folder: Path, *arguments: str, env: Mapping[str, str] | None = None, program: list[str] | None = None
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{arguments[0] if arguments else 'dcp'}-{len(list(folder.glob('*.out')))}"
        self.out_path, self.err_path = folder / f"{name}.out", folder / f"{name}.err"
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("DB_", "REDIS_", "DCP_"))}
        environment |= {"DCP_STATE_DIR": str(folder / "state"), "LOG_FORMAT": "console", **(env or {})}
        command = program or [sys.executable, "-m", "dcp_cli"]
        with self.out_path.open("wb") as out, self.err_path.open("wb") as err:
            self.process = subprocess.Popen([*command, *arguments], stdout=out, stderr=err, cwd=folder, env=environment)

    def wait(self, timeout_seconds: float = 240) -> int:
        """Its exit code."""
        try:
            return self.process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running after {timeout_seconds} s: {self.err()[-3000:]}") from None

    def out(self) -> str:
        return self.out_path.read_text()

    def err(self) -> str:
        return self.err_path.read_text()

    def answer(self) -> dict[str, Any]:
        """The JSON object that it printed."""
        return dict(json.loads(self.out()))

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def terminate(self, timeout_seconds: float = 60) -> int:
        """SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(timeout_seconds)


def dcp(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> tuple[int, DcpProcess]:
    """Run `dcp` to its end: exit code and process."""
    process = DcpProcess(folder, *arguments, env=env)
    return process.wait(), process
