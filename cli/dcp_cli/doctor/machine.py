"""This machine: versions, limits of the process, the disk under the state folder."""

from __future__ import annotations

import os
import platform
import resource
import shutil
from importlib.metadata import version
from pathlib import Path

from dcp_cli.findings.finding import Findings, ok, wrong
from dcp_cli.findings.limits import address_space, disk, file_size, open_files
from dcp_pipeline.setup import Setup


def machine(setup: Setup) -> Findings:
    """Findings."""
    yield ok(
        "machine.versions",
        f"dcp {version('datacleaning-pipelines')}, Python {platform.python_version()}, {platform.system()} "
        f"{platform.release()} {platform.machine()}",
    )
    yield open_files(_soft(resource.RLIMIT_NOFILE))
    yield from file_size(_soft(resource.RLIMIT_FSIZE))
    yield from address_space(_soft(resource.RLIMIT_AS))
    yield from _state(setup.state_folder)


def _soft(which: int) -> int | None:
    limit, _ = resource.getrlimit(which)
    return None if limit == resource.RLIM_INFINITY else limit


def _state(folder: Path) -> Findings:
    stands = standing(folder)
    if not os.access(stands, os.W_OK | os.X_OK):
        mend = "give this user the right to write there, or name another folder by DCP_STATE_DIR"
        yield wrong("machine.state", f"{stands} cannot be written to by this user", mend)
        return
    yield disk("machine.state", str(folder), shutil.disk_usage(stands).free)


def standing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(each for each in (folder, *folder.absolute().parents) if each.is_dir())
