"""A port of a pod, on this machine's loopback, through the API server: as `kubectl port-forward` does it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.cluster import settings


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
