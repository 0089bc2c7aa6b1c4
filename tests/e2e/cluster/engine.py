"""The Docker engine under kind: the machine's own where one answers, else one that is started here and ended here.

The engine that is started here shares nothing with a Docker that may be installed beside it: its own data, socket,
pid file, address pool; no default bridge, hence `--network host` for every build.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import binaries, firewall, packages
from e2e.cluster.progress import ClusterError, Steps, output, succeeds, tail
from e2e.cluster.settings import Settings

ADDRESS_POOL = "10.202.0.0/16"
START_SECONDS = 60.0
STOP_SECONDS = 30.0
CAP_SYS_RESOURCE = 24
STEPS = 3


@dataclass(frozen=True)
class Engine:
    """A Docker engine that answers. `client` is the docker program to use with it, `host` its DOCKER_HOST."""

    client: str
    host: str | None

    @property
    def env(self) -> dict[str, str]:
        """For child processes: kind looks `docker` up on the PATH."""
        path = f"{Path(self.client).parent}:{os.environ.get('PATH', '')}"
        return {"PATH": path, "DOCKER_BUILDKIT": "1"} | ({"DOCKER_HOST": self.host} if self.host else {})

    def docker(self, *words: str | Path, within_seconds: float = 60) -> str:
        """What a docker command prints. Raises ClusterError."""
        return output([self.client, *words], env=self.env, within_seconds=within_seconds)

    def has_image(self, name: str) -> bool:
        return succeeds([self.client, "image", "inspect", name], env=self.env)

    def reaches(self, image: str) -> bool:
        """Whether the image can be had from a registry. One try, at most 10 s."""
        return succeeds([self.client, "manifest", "inspect", image], env=self.env, within_seconds=10)


def machine_engine() -> Engine | None:
    """The engine that this machine already runs (or that DOCKER_HOST names), if one answers."""
    client = packages.which("docker")
    if client is None or not succeeds([client, "version"], within_seconds=10):
        return None
    return Engine(client, None)


def running(settings: Settings) -> Engine | None:
    """The engine that an earlier `up` used, without starting anything."""
    own = _own(settings)
    return own if _answers(own) else None if settings.own_engine else machine_engine()


def started(settings: Settings, steps: Steps) -> Engine:
    """An engine that answers; started if need be. Counts as STEPS steps.

    Raises ClusterError with the engine's log.
    """
    own = _own(settings)
    found = own if _answers(own) else None if settings.own_engine else machine_engine()
    if found is not None:
        steps.skip("Docker engine", STEPS)
        return found
    packages.install(steps, "dockerd", "docker", "runc", "iptables")
    own = _own(settings)
    runtime = _runtime(settings, steps)
    with steps.step("engine", f"Docker engine under {settings.engine}"):
        if os.geteuid() != 0:
            raise ClusterError("no Docker engine answers here, and only root can start one: start Docker, then again")
        _start(settings, own, runtime)
    return own


def _own(settings: Settings) -> Engine:
    # Debian's client first: it builds with BuildKit by itself, which newer ones do only through a plug-in.
    client = next(filter(os.path.exists, ["/usr/bin/docker"]), None) or packages.which("docker") or "docker"
    return Engine(client, f"unix://{settings.engine}/docker.sock")


def _answers(engine: Engine) -> bool:
    return succeeds([engine.client, "version"], env=engine.env, within_seconds=10)


def lacks_sys_resource(status: str) -> bool:
    """Whether this machine can't give away CAP_SYS_RESOURCE: reads the text of /proc/self/status."""
    bounding = next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:"))
    return not int(bounding, 16) >> CAP_SYS_RESOURCE & 1


def _runtime(settings: Settings, steps: Steps) -> Path | None:
    """The wrapper to use as runc, only where runc itself would refuse privileged containers."""
    if not lacks_sys_resource(Path("/proc/self/status").read_text()):
        steps.skip("runc as it is")
        return None
    real = packages.which("runc")
    if real is None:
        raise ClusterError("runc is not installed: apt-get install runc")
    return binaries.built(binaries.runc_wrapper(real), settings.cache, steps) / "runc-wrapper"


def _start(settings: Settings, own: Engine, runtime: Path | None) -> None:
    folder = settings.engine
    folder.mkdir(parents=True, exist_ok=True)
    _clear(settings)
    firewall.remember(folder / "firewall.json")
    config = folder / "daemon.json"
    config.write_text(json.dumps(_configuration(folder, runtime), indent=1))
    log = settings.logs / "engine.log"
    program = packages.which("dockerd")
    if program is None:
        raise ClusterError("dockerd is not installed: apt-get install docker.io")
    with log.open("a") as lines:
        process = subprocess.Popen(
            [program, "--config-file", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
        )
    deadline = time.monotonic() + START_SECONDS
    while not _answers(own):
        if process.poll() is not None or time.monotonic() > deadline:
            raise ClusterError(f"the Docker engine does not answer; {log} ends:\n{tail(log)}")
        time.sleep(0.2)


def _configuration(folder: Path, runtime: Path | None) -> dict[str, object]:
    base: dict[str, object] = {
        "data-root": f"{folder}/data",
        "exec-root": f"{folder}/exec",
        "pidfile": f"{folder}/pid",
        "hosts": [f"unix://{folder}/docker.sock"],
        "bridge": "none",
        "ipv6": False,
        "default-address-pools": [{"base": ADDRESS_POOL, "size": 24}],
        "log-level": "warn",
    }
    if runtime is not None:
        base |= {"runtimes": {"wrapped": {"path": str(runtime)}}, "default-runtime": "wrapped"}
    return base


def left_containers(settings: Settings) -> bool:
    """Whether our engine, running or not, still has a container on record."""
    folder = settings.engine / "data/containers"
    return folder.is_dir() and any(folder.iterdir())


def stop(settings: Settings) -> bool:
    """End the engine that was started here, and its network; its images stay. False when none ran."""
    folder = settings.engine
    ran = _alive(folder / "pid", folder) is not None
    own = _own(settings)
    if ran and _answers(own):
        # Its bridge and rules would outlive it. A network in use is refused, and then belongs to someone.
        succeeds([own.client, "network", "rm", "kind"], env=own.env)
    _clear(settings)
    firewall.restore(folder / "firewall.json")
    # An engine mounts its data on itself; a killed one leaves that mount, and the next one adds its own.
    while succeeds(["mountpoint", "-q", folder / "data"]):
        output(["umount", folder / "data"])
    return ran


def _clear(settings: Settings) -> None:
    """End what runs of our engine, and remove what a killed one left.

    An engine does not start over its own stale pid file once that number is in use again, and waits for a containerd
    that died with it for as long as there is a process, or a zombie, of its number.
    """
    folder = settings.engine
    for name in ("pid", "exec/containerd/containerd.pid"):
        pid = _alive(folder / name, folder)
        if pid is not None:
            _end(pid)
        (folder / name).unlink(missing_ok=True)
    (folder / "docker.sock").unlink(missing_ok=True)


def _alive(pid_file: Path, folder: Path) -> int | None:
    """The process of a pid file, if it is one of our engine's and not another that got its number."""
    try:
        pid = int(pid_file.read_text())
        words = Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    return pid if f"{folder}/" in words and not _has_ended(pid) else None


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while not _has_ended(pid):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.1)


def _has_ended(pid: int) -> bool:
    """Whether a process has ended; one that nobody waited for still has its number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
