"""The node image that kind starts, where none can be pulled: built from Debian's packages and our own binaries."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from e2e.cluster import binaries, debian, versions
from e2e.cluster.engine import Engine
from e2e.cluster.progress import ClusterError, Steps, output
from e2e.cluster.settings import Settings

SOURCE = Path(__file__).parent / "node"
COMPONENT_BINARIES = {
    "kube-apiserver": binaries.KUBERNETES,
    "kube-controller-manager": binaries.KUBERNETES,
    "kube-scheduler": binaries.KUBERNETES,
    "kube-proxy": binaries.KUBERNETES,
    "pause": binaries.KUBERNETES,
    "etcd": binaries.ETCD,
    "coredns": binaries.COREDNS,
}
NAME = "dcp-e2e/node"
STEPS = 7


def image(settings: Settings, engine: Engine, steps: Steps) -> str:
    """The name of a node image that the engine has, built unless it is there. Counts as STEPS steps.

    Raises ClusterError.
    """
    name = f"{NAME}:v{versions.KUBERNETES}-{_digest()}"
    if engine.has_image(name):
        steps.skip(f"node image {name}", STEPS)
        return name
    folders = {
        build.module: binaries.built(build, settings.cache, steps)
        for build in (binaries.KUBERNETES, binaries.ETCD, binaries.COREDNS)
    }
    base = debian.image(settings, engine, steps)
    binary = {name: folders[build.module] / name for name, build in COMPONENT_BINARIES.items()}
    with steps.step("components", "images of Kubernetes' components"):
        tags = component_names(folders["kubernetes"] / "kubeadm")
        _build_components(settings.cache / "components", binary, tags, base, engine, steps)
    with steps.step("node", f"node image {name}"):
        context = _context(settings.cache / "node", folders["kubernetes"])
        steps.run([engine.client, "save", "-o", context / "preload/images.tar", *tags.values()], env=engine.env)
        build = _docker_build(engine, context, "Dockerfile", base)
        words = [f"KUBERNETES=v{versions.KUBERNETES}", f"PAUSE_IMAGE={tags['pause']}"]
        arguments = [part for word in words for part in ("--build-arg", word)]
        steps.run([*build, *arguments, "-t", name, context], env=engine.env)
        # They are in the node now; left in the engine, they would pass for the released ones.
        steps.run([engine.client, "image", "rm", *tags.values()], env=engine.env)
        shutil.rmtree(context)
    return name


def component_names(kubeadm: Path) -> dict[str, str]:
    """The image name that kubeadm expects for each component; raises ClusterError when it wants one we don't build."""
    listed = output([kubeadm, "config", "images", "list", "--kubernetes-version", f"v{versions.KUBERNETES}"])
    names = {line.rsplit("/", 1)[-1].split(":")[0]: line for line in listed.split()}
    if set(names) != set(COMPONENT_BINARIES):
        raise ClusterError(f"kubeadm wants the images {sorted(names)}, built here are {sorted(COMPONENT_BINARIES)}")
    return names


def _build_components(
    context: Path, binary: dict[str, Path], tags: dict[str, str], base: str, engine: Engine, steps: Steps
) -> None:
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir(parents=True)
    for name, path in binary.items():
        _link_or_copy(path, context / name)
    shutil.copy(SOURCE / "components.Dockerfile", context)
    build = _docker_build(engine, context, "components.Dockerfile", base)
    for name, tag in tags.items():
        steps.run([*build, "--target", name, "-t", tag, context], env=engine.env)
    shutil.rmtree(context)


def _context(context: Path, kubernetes: Path) -> Path:
    """Lay out the node's build context: our files, kind's own, and the binaries."""
    shutil.rmtree(context, ignore_errors=True)
    shutil.copytree(SOURCE, context)
    kind_files = binaries.module_folder(binaries.KIND, "sigs.k8s.io/kind") / "images/base/files"
    shutil.copytree(kind_files, context / "kind")
    # Modules carry no modes and Go's cache is read-only; a checkout's modes depend on the user's umask.
    for path in [context, *context.rglob("*")]:
        script = path.is_dir() or path.read_bytes()[:2] == b"#!"
        path.chmod(0o755 if script else 0o644)
    (context / "bin").mkdir()
    for name in ("kubeadm", "kubectl", "kubelet", "crictl"):
        _link_or_copy(kubernetes / name, context / "bin" / name)
    return context


def _docker_build(engine: Engine, context: Path, dockerfile: str, base: str) -> list[str | Path]:
    # Our engine has no bridge, and the mirrors that this machine reaches are reached from its own network.
    return [
        engine.client, "build", "--network", "host", "--progress", "plain",
        "--build-arg", f"DEBIAN_IMAGE={base}", "-f", context / dockerfile,
    ]  # fmt: skip


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _digest() -> str:
    """Of everything that the node image is made from, and that can change without a change of version."""
    digest = hashlib.sha256(debian.IMAGE.encode())
    for build in (binaries.KUBERNETES, binaries.ETCD, binaries.COREDNS, binaries.KIND):
        digest.update(build.folder(Path()).name.encode())
    for path in sorted(path for path in SOURCE.rglob("*") if path.is_file()):
        digest.update(path.relative_to(SOURCE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
