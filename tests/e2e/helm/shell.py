"""Commands as a person types them, with the cluster and the tools of `make cluster-up`, or those of the environment."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e.cluster import settings

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "docs/kubernetes.md"
KUBE_VERSION = "1.34"
"""What charts are rendered for where no cluster is asked."""


@dataclass(frozen=True)
class Shell:
    """Runs commands in the repository's folder. `names` are the guide's words -> what stands for them here."""

    environment: Mapping[str, str]
    names: Mapping[str, str]

    def run(self, command: str) -> str:
        """What it prints; fails with all that it said where it fails."""
        done = self.attempt(command)
        assert done.returncode == 0, f"$ {command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def attempt(self, command: str) -> subprocess.CompletedProcess[str]:
        """The same for a command that may fail. A minute and a half is the most that one may take."""
        return subprocess.run(
            ["bash", "-euc", command], cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=90
        )

    def read(self, command: str) -> Any:
        """What `kubectl COMMAND` answers, as a document."""
        return json.loads(self.run(f"kubectl {command} -o json"))

    def guided(self, heading: str) -> list[str]:
        """The commands below a heading of the guide, each as this cluster wants it."""
        return [self.here(block) for block in commands_below(heading)]

    def here(self, command: str) -> str:
        """A command of the guide, as this cluster wants it."""
        for word, name in self.names.items():
            command = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", name, command)
        return command


def shell(names: Mapping[str, str] | None = None) -> Shell:
    """Fails the test where there are no tools."""
    known = settings.read()
    path = f"{known.tools}{os.pathsep}{os.environ['PATH']}"
    for tool in ("helm", "kubectl"):
        if shutil.which(tool, path=path) is None:
            pytest.fail(f"no {tool}: neither in {known.tools} (make cluster-up) nor on the PATH")
    kubeconfig = os.environ.get("KUBECONFIG") or str(known.kubeconfig)
    return Shell({**os.environ, "PATH": path, "KUBECONFIG": kubeconfig}, names or {})


def commands_below(heading: str) -> list[str]:
    """The `sh` blocks of the guide's section."""
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", GUIDE.read_text(), re.M | re.S)
    assert section, f"{GUIDE.name} has no section {heading!r}"
    return re.findall(r"^```sh\n(.*?)^```$", section[1], re.M | re.S)
