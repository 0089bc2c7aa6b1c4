"""A server that repeats in its error the secret that a pipeline has for it: no command prints it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.dcp_process import dcp

SECRET = "Zq7v secret @:/#%"
_DENIED = b"\xff\x15\x04#28000Access denied for 'u' using " + SECRET.encode()
ANSWERS = {
    "mysql": len(_DENIED).to_bytes(3, "little") + b"\0" + _DENIED,
    "redis": b"-ERR no such password: " + SECRET.encode() + b"\r\n",
}
SPEC = """apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {name: repeated}
spec:
  sources: [{name: feed, file: {path: feed}}]
  cleaning: {fields: [{name: a}], unique: [a]}
"""
PASSWORD = "password: {secretKeyRef: {name: s, key: pw}}"
WORDS = {
    "mysql": f"  sink: {{sql: {{table: t, url: 'mysql://u@127.0.0.1:PORT/d', {PASSWORD}}}}}\n",
    "redis": f"  queue: {{redis: {{url: 'redis://127.0.0.1:PORT/0', {PASSWORD}}}}}\n",
}


@contextmanager
def repeating(answer: bytes) -> Iterator[int]:
    """Answers every connection's first byte, or its opening, with the same."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            held = []
            while True:
                try:
                    connection, _ = server.accept()
                    connection.sendall(answer)
                except OSError:
                    return
                held.append(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(("kind", "command"), [("mysql", "verify"), ("redis", "queue")])
def test_a_servers_words_are_told_without_the_secret(tmp_path: Path, kind: str, command: str) -> None:
    with repeating(ANSWERS[kind]) as port:
        spec = tmp_path / "spec.yaml"
        spec.write_text(SPEC + WORDS[kind].replace("PORT", str(port)))
        code, process = dcp(tmp_path, command, str(spec), env={"DCP_SECRET_S_PW": SECRET})
        said = process.out() + process.err()
    assert code == 1
    assert "***" in said
    assert SECRET not in said
