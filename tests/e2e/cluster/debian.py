"""A minimal Debian image made by debootstrap: what every image here stands on where no registry is reached."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from e2e.cluster import packages, versions
from e2e.cluster.engine import Engine
from e2e.cluster.progress import ClusterError, Steps, tail
from e2e.cluster.settings import Settings

IMAGE = f"dcp-e2e/debian:{versions.DEBIAN}"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

NOT_IN_AN_IMAGE = """\
path-exclude /usr/share/doc/*
path-exclude /usr/share/man/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/info/*
"""


def image(settings: Settings, engine: Engine, steps: Steps) -> str:
    """The name of the base image, built unless the engine has it. Counts as two steps. Raises ClusterError."""
    if engine.has_image(IMAGE):
        steps.skip(f"image {IMAGE}", 2)
        return IMAGE
    packages.install(steps, "debootstrap")
    with steps.step("debian", f"image {IMAGE} by debootstrap"):
        if os.geteuid() != 0:
            raise ClusterError("debootstrap needs root: run this once as root, or set E2E_NODE_IMAGE")
        sources = packages.sources(versions.DEBIAN, settings.debian_mirror)
        root = settings.cache / "debian.root"
        # What a run that was killed left behind would be taken for a finished base.
        steps.run(["rm", "-rf", "--one-file-system", root])
        mirror = sources[0].split()[1]
        steps.run(["debootstrap", "--variant=minbase", versions.DEBIAN, root, mirror])
        _configure(root, sources)
        _import(root, engine, settings.logs / "debian.log")
        steps.run(["rm", "-rf", "--one-file-system", root])
    return IMAGE


def _configure(root: Path, sources: list[str]) -> None:
    (root / "etc/apt/sources.list").write_text("\n".join(sources) + "\n")
    (root / "etc/dpkg/dpkg.cfg.d/small").write_text(NOT_IN_AN_IMAGE)
    # Packages that start their daemon when installed would start it inside a build.
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    for junk in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"):
        subprocess.run(["find", str(root / junk), "-mindepth", "1", "-delete"], check=True)


def _import(root: Path, engine: Engine, log: Path) -> None:
    tar = ["tar", "-C", str(root), "--numeric-owner", "--sort=name", "-c", "."]
    take = [engine.client, "import", "--change", f"ENV PATH={PATH}", "--change", "CMD bash", "-", IMAGE]
    with log.open("a") as lines:
        packed = subprocess.Popen(tar, stdout=subprocess.PIPE, stderr=lines)
        taken = subprocess.run(take, stdin=packed.stdout, stdout=lines, stderr=lines, env={**os.environ, **engine.env})
        assert packed.stdout is not None
        packed.stdout.close()
        if packed.wait() != 0 or taken.returncode != 0:
            raise ClusterError(f"docker import failed; {log} ends:\n{tail(log)}")
