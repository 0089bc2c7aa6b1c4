"""The cache's folder: taken only where it is new, empty or ours, for what is in it is rebuilt and purged whole."""

from __future__ import annotations

import shutil
from pathlib import Path

from e2e.cluster.progress import ClusterError

MARK = ".made-by-dcp-e2e"
DEFAULT_NAME = "dcp-e2e"
_OURS = (
    "bin",
    "components",
    "debian.root",
    "engine",
    "kind.json",
    "kubeconfig",
    "kubeconfig.lock",
    "lock",
    "logs",
    "node",
    "tools",
    MARK,
)


def take(folder: Path) -> None:
    """Make the folder, or make sure that it is ours. Raises ClusterError where somebody else's files are in it."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / MARK).is_file():
        return
    found = sorted(each.name for each in folder.iterdir())
    if found and (folder.name != DEFAULT_NAME or not set(found) <= set(_OURS)):
        raise ClusterError(f"E2E_CACHE={folder} holds {found[0]!r}, which is not of our making: name a new folder")
    (folder / MARK).touch()


def purge(folder: Path) -> None:
    """Remove what was put into the folder, and the folder where nothing else is in it. Raises ClusterError."""
    if not (folder / MARK).is_file():
        raise ClusterError(f"{folder} bears no {MARK}: it is not of our making and stays")
    for name in _OURS:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
