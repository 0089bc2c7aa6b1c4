"""Writes the Go locks under tests/e2e/cluster/go anew, after a version in versions.py or a go.mod changed.

Kubernetes' own go.mod points at folders of its repository for its libraries; here they are their published releases.
Usage: PYTHONPATH=tests .venv/bin/python scripts/cluster_lock.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from e2e.cluster import binaries, versions
from e2e.cluster.progress import Steps, output
from e2e.cluster.settings import read

MODULES = ("kubernetes", "etcd", "coredns", "kind", "helm")
HEAD = """\
// Kubernetes from its published modules: the staging folders that its own go.mod points to are replaced by their \
releases.
module dcp.test/kubernetes

go {go}.0

godebug default=go{go}

require k8s.io/kubernetes v{version}
"""


def kubernetes_module() -> str:
    """The go.mod of Kubernetes' build. Raises ClusterError where the proxy does not serve the version."""
    downloaded = output(
        ["go", "mod", "download", "-json", f"k8s.io/kubernetes@v{versions.KUBERNETES}"], within_seconds=600
    )
    upstream = Path(json.loads(downloaded)["GoMod"]).read_text()
    staging = re.findall(r"^\s*(k8s\.io/[a-z-]+) => \./staging", upstream, re.MULTILINE)
    library = f"v0.{versions.KUBERNETES.removeprefix('1.')}"
    tools = [package for package in binaries.KUBERNETES.binaries.values() if package.startswith("k8s.io/")]
    head = HEAD.format(go=".".join(map(str, versions.GO_AT_LEAST)), version=versions.KUBERNETES)
    replaced = "".join(f"\t{module} => {module} {library}\n" for module in staging)
    used = "".join(f"\t{package}\n" for package in tools)
    return f"{head}\nreplace (\n{replaced})\n\ntool (\n{used})\n"


def main() -> None:
    steps = Steps(1 + len(MODULES), read().logs)
    with steps.step("lock-kubernetes", f"go.mod of Kubernetes {versions.KUBERNETES}"):
        (binaries.SOURCES / "kubernetes/go.mod").write_text(kubernetes_module())
    for module in MODULES:
        with steps.step(f"lock-{module}", f"go mod tidy in {module}"):
            steps.run(["go", "mod", "tidy"], cwd=binaries.SOURCES / module)


if __name__ == "__main__":
    main()
