"""KEDA from its Go module: its CRDs for the tests, and itself, built and installed, for the bench.

Its own go.mod and go.sum pin what it is made of; the module's checksum pins those.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from e2e.cluster.binaries import go_build, require_go
from e2e.cluster.engine import Engine
from e2e.cluster.progress import ClusterError, Steps, output
from e2e.cluster.settings import Settings

VERSION = "2.21.0"
MODULE = "github.com/kedacore/keda/v2"
CHECKSUM = "h1:R6z2HZvstK4RLUMxroNACzBj74xGxt3kG59b5Xc+Xps="
IMAGE = f"dcp-e2e/keda:{VERSION}"
CRDS = ("scaledobjects", "triggerauthentications")
PROGRAMS = {"keda": "./cmd/operator", "keda-adapter": "./cmd/adapter"}
DOCKERFILE = f"FROM scratch\nCOPY {' '.join(PROGRAMS)} /\nUSER 65532:65532\n"
Document = dict[str, Any]


def module() -> Path:
    """Where Go keeps KEDA's source; fetched if need be. Raises ClusterError."""
    require_go()
    known = json.loads(output(["go", "mod", "download", "-json", f"{MODULE}@v{VERSION}"], within_seconds=300))
    if known.get("Sum") != CHECKSUM:
        raise ClusterError(f"KEDA {VERSION} has the checksum {known.get('Sum')}, and {CHECKSUM} is expected")
    return Path(known["Dir"])


def crds() -> list[Document]:
    """The CRDs of ScaledObject and TriggerAuthentication. Raises ClusterError."""
    folder = module() / "config" / "crd" / "bases"
    return [yaml.safe_load((folder / f"keda.sh_{each}.yaml").read_text()) for each in CRDS]


def built(here: Settings, steps: Steps) -> Path:
    """The folder with KEDA's programs, built now unless the cache has them: 15 minutes. Counts as one step."""
    folder = here.cache / "bin" / f"keda-{VERSION}"
    if folder.is_dir():
        steps.skip("KEDA")
        return folder
    with steps.step("build-keda", "KEDA from its Go module"):
        source = folder.with_name(f"{folder.name}.source")
        if not source.is_dir():
            # Go builds no main module inside its own cache, where everything is read-only.
            shutil.copytree(module(), source, copy_function=shutil.copyfile)
        go_build(folder, source, {name: [package] for name, package in PROGRAMS.items()}, "-s -w", steps)
        shutil.rmtree(source)
    return folder


def image(here: Settings, engine: Engine, steps: Steps) -> None:
    """One image with both programs. Counts as two steps."""
    programs = built(here, steps)
    with steps.step("image-keda", f"image {IMAGE}"):
        (programs / "Dockerfile").write_text(DOCKERFILE)
        steps.run([engine.client, "build", "-t", IMAGE, programs], env=engine.env)


def manifests(kubectl: list[str]) -> Iterator[Document]:
    """What KEDA's own kustomization installs, less its webhook, with our image. Raises ClusterError."""
    text = output([*kubectl, "kustomize", str(module() / "config" / "default")], within_seconds=120)
    for document in yaml.safe_load_all(text):
        if "admission" in document["metadata"]["name"] or "Webhook" in document["kind"]:
            continue
        if document["kind"] == "Deployment":
            (container,) = document["spec"]["template"]["spec"]["containers"]
            container |= {"image": IMAGE, "imagePullPolicy": "IfNotPresent"}
            if document["metadata"]["name"] == "keda-operator":
                container["args"].append("--enable-webhook-patching=false")
        yield document
