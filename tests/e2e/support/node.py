"""Signals for a process in a pod, sent from its node: the first process of a container is deaf to those from inside."""

from __future__ import annotations

import os

from e2e.operator.kube import Kube
from e2e.support.botnet import Document
from e2e.support.stage import wait_for

IMAGE = os.environ.get("E2E_PYTHON_IMAGE", "dcp-e2e/python:e2e")
PROGRAM = """
import os, pathlib, signal, sys
uid, module, name = sys.argv[1:]
def meant(folder):
    try:
        group = (folder / 'cgroup').read_text().replace('_', '-')
        return uid in group and module in (folder / 'cmdline').read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
found = [int(each.name) for each in pathlib.Path('/proc').iterdir() if each.name.isdecimal() and meant(each)]
assert len(found) == 1, found
os.kill(found[0], getattr(signal, name))
"""


def signal_pod(kube: Kube, pod: Document, module: str, signal: str) -> None:
    """Send `signal`, such as SIGSTOP, to the process that runs `module` in the pod. `kube` is a namespace in which
    pods may see their node's processes."""
    name = f"signal-{pod['metadata']['name']}"
    container = {
        "name": "signal",
        "image": IMAGE,
        "command": ["python3", "-c", PROGRAM, pod["metadata"]["uid"], module, signal],
        "securityContext": {"runAsUser": 0, "capabilities": {"drop": ["ALL"], "add": ["KILL"]}},
    }
    spec = {
        "hostPID": True,
        "nodeName": pod["spec"]["nodeName"],
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "containers": [container],
    }
    kube.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})

    def phase() -> str:
        return str((kube.get("Pod", name) or {}).get("status", {}).get("phase"))

    wait_for(lambda: phase() in ("Succeeded", "Failed"), f"{signal} to be sent")
    assert phase() == "Succeeded"
    kube.delete("Pod", name)
