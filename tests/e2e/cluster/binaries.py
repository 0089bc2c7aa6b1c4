"""Kubernetes, etcd, CoreDNS, kind and Helm, built from their Go modules (go/*/go.mod and go.sum pin every byte).

Nothing is built twice: a folder in the cache bears the version and a digest of the lock and sources it came from.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import versions
from e2e.cluster.progress import ClusterError, Steps, output

SOURCES = Path(__file__).parent / "go"


@dataclass(frozen=True)
class Build:
    """One Go module's binaries: name of the file -> package."""

    module: str
    what: str
    binaries: Mapping[str, str]
    flags: str = "-s -w"

    @property
    def source(self) -> Path:
        return SOURCES / self.module

    def folder(self, cache: Path) -> Path:
        """Where the binaries lie: keyed by everything that they are made from."""
        digest = hashlib.sha256(repr((sorted(self.binaries.items()), self.flags)).encode())
        for path in sorted(self.source.rglob("*")):
            if path.is_file():
                digest.update(path.relative_to(self.source).as_posix().encode() + b"\0" + path.read_bytes())
        return cache / "bin" / f"{self.module}-{digest.hexdigest()[:12]}"


def _kubernetes(what: str, commands: tuple[str, ...], own: tuple[str, ...] = ()) -> Build:
    major, second = versions.minor(versions.KUBERNETES)
    # Without these, kubeadm takes itself for v0.0.0 and the version handshakes between components fail.
    stamps = {"gitVersion": f"v{versions.KUBERNETES}", "gitMajor": f"{major}", "gitMinor": f"{second}"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    stamp = " ".join(f"-X {package}.{name}={value}" for package in packages for name, value in stamps.items())
    packages_of = {name: f"k8s.io/kubernetes/cmd/{name}" for name in commands} | {name: f"./{name}" for name in own}
    return Build("kubernetes", what, packages_of, flags=f"-s -w {stamp}")


KUBERNETES = _kubernetes(
    f"Kubernetes {versions.KUBERNETES} from its Go modules",
    ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubeadm", "kubectl"),
    own=("crictl", "pause"),
)
KUBECTL = _kubernetes("kubectl from its Go module", ("kubectl",))
ETCD = Build("etcd", "etcd from its Go modules", {"etcd": "."})
COREDNS = Build("coredns", "CoreDNS from its Go modules", {"coredns": "."})
KIND = Build("kind", "kind from its Go module", {"kind": "sigs.k8s.io/kind"})
HELM = Build("helm", "Helm from its Go module", {"helm": "helm.sh/helm/v3/cmd/helm"})


def runc_wrapper(runc: str) -> Build:
    """A runc for machines without CAP_SYS_RESOURCE; `runc` is the real one's path."""
    return Build("runc-wrapper", "the runc wrapper", {"runc-wrapper": "."}, flags=f"-s -w -X main.runc={runc}")


def built(build: Build, cache: Path, steps: Steps) -> Path:
    """The folder with a build's binaries, built now unless the cache has them. Counts as one step."""
    folder = build.folder(cache)
    if folder.is_dir():
        steps.skip(build.what)
        return folder
    with steps.step(f"build-{build.module}", build.what):
        go_build(folder, build.source, _by_file(build), build.flags, steps)
    return folder


def go_build(folder: Path, source: Path, packages: Mapping[str, Sequence[str]], flags: str, steps: Steps) -> None:
    """Fill a new `folder` with what the module in `source` gives, by file name; "" leaves the names to Go.

    Raises ClusterError.
    """
    require_go()
    fresh = folder.with_name(f"{folder.name}.fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    build = ["go", "build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags", flags]
    for file, names in packages.items():
        steps.run([*build, "-o", f"{fresh}/{file}", *names], cwd=source, env={"CGO_ENABLED": "0"})
    # The rename makes a build that was killed halfway invisible to the next run.
    fresh.rename(folder)


def _by_file(build: Build) -> dict[str, list[str]]:
    """Go names a binary after its package, so all of those go in one call; a "." package must be named."""
    named = [package for package in build.binaries.values() if package != "."]
    together = {"": named} if named else {}
    return together | {name: ["."] for name, package in build.binaries.items() if package == "."}


def require_go() -> None:
    """Raise ClusterError unless a new enough Go is on the PATH."""
    wanted = ".".join(map(str, versions.GO_AT_LEAST))
    if shutil.which("go") is None:
        raise ClusterError(f"building Kubernetes needs Go {wanted} or newer on the PATH, and there is none")
    found = re.search(r"go(\d+)\.(\d+)", output(["go", "env", "GOVERSION"]))
    if found is None or (int(found[1]), int(found[2])) < versions.GO_AT_LEAST:
        raise ClusterError(f"building Kubernetes needs Go {wanted} or newer; the PATH has {found and found[0]}")


def module_folder(build: Build, module: str) -> Path:
    """Where Go keeps a module's source, at the version that a build pins; fetched if need be. Raises ClusterError."""
    require_go()
    known = output(["go", "mod", "download", "-json", module], cwd=build.source, within_seconds=300)
    return Path(json.loads(known)["Dir"])
