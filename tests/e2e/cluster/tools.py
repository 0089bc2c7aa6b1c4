"""kind, kubectl and Helm: from the PATH where they are new enough, else from their Go modules."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import binaries, versions
from e2e.cluster.binaries import Build
from e2e.cluster.progress import ClusterError, Steps, output
from e2e.cluster.settings import Settings


@dataclass(frozen=True)
class Tool:
    name: str
    build: Build
    version: tuple[str, ...]
    fits: Callable[[tuple[int, int]], bool]


def _within_one_minor(found: tuple[int, int]) -> bool:
    wanted = versions.minor(versions.KUBERNETES)
    return found[0] == wanted[0] and abs(found[1] - wanted[1]) <= 1


KIND = Tool("kind", binaries.KIND, ("version", "-q"), lambda found: found >= versions.KIND_AT_LEAST)
HELM = Tool("helm", binaries.HELM, ("version", "--short"), lambda found: found >= versions.HELM_AT_LEAST)
KUBECTL = Tool("kubectl", binaries.KUBECTL, ("version", "--client", "-o", "json"), _within_one_minor)


def all_of(settings: Settings, steps: Steps) -> None:
    """Have every tool in settings.tools, a folder for the PATH. Counts as three steps. Raises ClusterError."""
    settings.tools.mkdir(parents=True, exist_ok=True)
    for tool in (KIND, KUBECTL, HELM):
        link = settings.tools / tool.name
        fresh = link.with_name(f".{tool.name}")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(_find(tool, settings.cache, steps))
        fresh.replace(link)


def _find(tool: Tool, cache: Path, steps: Steps) -> Path:
    for build in (tool.build, binaries.KUBERNETES):
        built = build.folder(cache) / tool.name
        if built.is_file():
            steps.skip(tool.name)
            return built
    path = shutil.which(tool.name)
    if path is not None:
        found = _version(path, tool)
        if found is not None and tool.fits(found):
            steps.skip(f"{tool.name} {found[0]}.{found[1]} from the PATH")
            return Path(path)
    return binaries.built(tool.build, cache, steps) / tool.name


def _version(path: str, tool: Tool) -> tuple[int, int] | None:
    """A program's own word about its version; none when it has none (a broken or very old one)."""
    try:
        said = output([path, *tool.version])
        if said.startswith("{"):
            said = json.loads(said)["clientVersion"]["gitVersion"]
    except (ClusterError, KeyError, ValueError):
        return None
    found = re.match(r"v?(\d+)\.(\d+)\.", said)
    return (int(found[1]), int(found[2])) if found else None
