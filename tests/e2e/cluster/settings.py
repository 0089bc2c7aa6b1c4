"""Where everything lies, and what the environment says. Nothing is written into the work tree."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster.cache import DEFAULT_NAME
from e2e.cluster.progress import ClusterError

LONGEST_SOCKET_PATH = 100
"""A Unix socket's path has at most 107 bytes, and the engine's own containerd puts its socket some folders deeper."""


@dataclass(frozen=True)
class Settings:
    """The environment, read once.

    E2E_CACHE: the cache's folder. E2E_CLUSTER=existing: use KUBECONFIG as it is. E2E_NODE_IMAGE: a node image to use.
    E2E_ENGINE=own: start a Docker engine even where one answers. E2E_DEBIAN_MIRROR: when apt knows none.
    """

    cache: Path
    existing: bool
    node_image: str | None
    own_engine: bool
    debian_mirror: str | None

    @property
    def logs(self) -> Path:
        return self.cache / "logs"

    @property
    def engine(self) -> Path:
        return self.cache / "engine"

    @property
    def tools(self) -> Path:
        return self.cache / "tools"

    @property
    def kubeconfig(self) -> Path:
        return self.cache / "kubeconfig"


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises ClusterError when a setting has no meaning."""
    caches = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(environment.get("E2E_CACHE") or Path(caches) / DEFAULT_NAME).absolute()
    if len(str(cache)) + len("/engine/exec/containerd/containerd-debug.sock") > LONGEST_SOCKET_PATH:
        raise ClusterError(f"E2E_CACHE={cache} is too long for a Unix socket below it; choose a shorter path")
    cluster = environment.get("E2E_CLUSTER") or "kind"
    if cluster not in ("kind", "existing"):
        raise ClusterError(f"E2E_CLUSTER is {cluster!r}: it can be kind (default) or existing")
    engine = environment.get("E2E_ENGINE") or "any"
    if engine not in ("any", "own"):
        raise ClusterError(f"E2E_ENGINE is {engine!r}: it can be any (default) or own")
    return Settings(
        cache=cache,
        existing=cluster == "existing",
        node_image=environment.get("E2E_NODE_IMAGE") or None,
        own_engine=engine == "own",
        debian_mirror=environment.get("E2E_DEBIAN_MIRROR") or None,
    )
