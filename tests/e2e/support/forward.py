"""A port of a pod, on this machine's loopback, through the API server: as `kubectl port-forward` does it."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster import settings

POLL_SECONDS = 0.2


def kubectl(kubeconfig: Path) -> list[str]:
    """The command, by the tools of `make cluster-up` or the PATH."""
    built = settings.read().tools / "kubectl"
    found = str(built) if built.exists() else shutil.which("kubectl")
    assert found, "kubectl is neither in the cache of `make cluster-up` nor on the PATH"
    return [found, f"--kubeconfig={kubeconfig}"]


@contextmanager
def forwarded(command: list[str], namespace: str, deployment: str, port: int) -> Iterator[int]:
    """The local port that leads to `port` of a pod of the deployment, until the block ends."""
    words = [*command, "-n", namespace, "port-forward", f"deployment/{deployment}", f":{port}"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+) ->", first)
        assert found, f"no port of {deployment}: {first}{process.stdout.read() if process.poll() else ''}"
        yield int(found[1])
    finally:
        process.terminate()
        process.wait()


@contextmanager
def lasting(command: list[str], namespace: str, deployment: str, port: int) -> Iterator[int]:
    """The same for a deployment whose pods come and go: kubectl ends with its pod, and is started again on the same
    local port. Connections break with the pod, as everybody's do; nothing is promised of the first moment either."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        local = int(free.getsockname()[1])
    words = [*command, "-n", namespace, "port-forward", f"deployment/{deployment}", f"{local}:{port}"]
    over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(words, over), daemon=True)
    keeper.start()
    try:
        yield local
    finally:
        over.set()
        keeper.join()


def _keep(words: list[str], over: threading.Event) -> None:
    while not over.is_set():
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not over.wait(POLL_SECONDS):
            pass
        process.terminate()
        process.wait()
