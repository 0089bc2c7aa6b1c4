"""Debian packages that the cluster needs on the machine, and where this machine's apt gets them from."""

from __future__ import annotations

import os
import shutil

from e2e.cluster.progress import ClusterError, Steps, output

PROGRAMS = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "runc": "runc",
    "iptables": "iptables",
    "debootstrap": "debootstrap",
}
"""What is called -> the package that has it."""


def missing(*programs: str) -> list[str]:
    """The packages still to install for these programs."""
    return sorted({PROGRAMS[program] for program in programs if which(program) is None})


def which(program: str) -> str | None:
    """Like shutil.which, also where a plain user's PATH does not look."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")


def install(steps: Steps, *programs: str) -> None:
    """Have these programs on the machine. Counts as one step. Raises ClusterError naming what a person must install."""
    packages = missing(*programs)
    if not packages:
        steps.skip(f"Debian packages ({', '.join(programs)})")
        return
    line = f"apt-get install --no-install-recommends {' '.join(packages)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ClusterError(f"not on this machine: {', '.join(packages)}. As root, on Debian: {line}")
    with steps.step("packages", line):
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        steps.run(["apt-get", "update", "-q"], env=quiet)
        steps.run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages], env=quiet)


def sources(suite: str, mirror: str | None) -> list[str]:
    """sources.list lines for a Debian suite, its updates and its security fixes; the suite itself comes first.

    Read from this machine's apt, so that a mirror that was set up for it serves the images too.
    Raises ClusterError when apt knows no mirror of the suite and `mirror` (E2E_DEBIAN_MIRROR) is absent.
    """
    if mirror:
        return [f"deb {mirror} {suite} main"]
    if shutil.which("apt-get") is None:
        raise ClusterError("no apt on this machine: set E2E_DEBIAN_MIRROR to the URL of a Debian mirror")
    wanted = [suite, f"{suite}-updates", f"{suite}-security"]
    listed = output(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"])
    pairs = dict.fromkeys(tuple(line.split()) for line in listed.splitlines() if line.count(" ") == 1)
    found = {release: uri for uri, release in pairs if release in wanted}
    if suite not in found:
        raise ClusterError(f"apt has no source of Debian {suite}: set E2E_DEBIAN_MIRROR to the URL of a mirror")
    return [f"deb {found[release]} {release} main" for release in wanted if release in found]
