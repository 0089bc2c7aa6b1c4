"""The project's images and those of the tests: `make images` builds them, `make images-load` takes them to the node.

Each Dockerfile under images/ stands on BASE_IMAGE: the stock Python image where a registry is reached, else images/base
on the Debian that debootstrap made.
"""

from __future__ import annotations

import configparser
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import debian
from e2e.cluster.engine import Engine
from e2e.cluster.progress import Steps
from e2e.cluster.settings import Settings

ROOT = Path(__file__).parents[3]
STOCK_PYTHON = "python:3.12-slim"
TAG = "e2e"


@dataclass(frozen=True)
class Image:
    """One image of the project. `context` is the folder that its Dockerfile copies from."""

    name: str
    dockerfile: Path
    context: Path
    installs_from_index: bool

    @property
    def reference(self) -> str:
        return f"{self.name}:{TAG}"


def _component(name: str) -> Image:
    return Image(f"dcp-e2e/{name}", ROOT / "images" / name / "Dockerfile", ROOT, True)


def _for_tests(name: str) -> Image:
    folder = ROOT / "images/test" / name
    return Image(f"dcp-e2e/{name}", folder / "Dockerfile", folder, False)


IMAGES = (
    *map(_component, ("operator", "fetcher", "worker", "ui", "dcp")),
    *map(_for_tests, ("mariadb", "redis", "feed")),
)
PYTHON = f"dcp-e2e/python:{TAG}"
"""The base of all of them, under one name wherever it came from."""

STEPS = 4 + len(IMAGES)


def build(settings: Settings, engine: Engine, steps: Steps) -> None:
    """Build all images; what has not changed comes from the engine's build cache. Counts as STEPS steps.

    Raises ClusterError.
    """
    python, compiler = _bases(settings, engine, steps)
    with _pip_secrets() as secrets:
        for image in IMAGES:
            with steps.step(f"image-{image.name.rsplit('/')[-1]}", f"image {image.reference}"):
                words: list[str | Path] = ["--build-arg", f"BASE_IMAGE={python}"]
                if image.installs_from_index:
                    words += ["--build-arg", f"BUILD_IMAGE={compiler}", *secrets]
                steps.run(
                    [*_docker_build(engine), *words, "-f", image.dockerfile, "-t", image.reference, image.context],
                    env=engine.env,
                )


def references() -> list[str]:
    return [image.reference for image in IMAGES] + [PYTHON]


def _bases(settings: Settings, engine: Engine, steps: Steps) -> tuple[str, str]:
    """The images that the project's stand on: to run, and to build with. Counts as four steps."""
    if engine.reaches(STOCK_PYTHON):
        steps.done += STEPS - len(IMAGES) - 1
        with steps.step("python", f"image {PYTHON} from {STOCK_PYTHON}"):
            steps.run([engine.client, "pull", STOCK_PYTHON], env=engine.env)
            steps.run([engine.client, "tag", STOCK_PYTHON, PYTHON], env=engine.env)
        return PYTHON, PYTHON
    base = debian.image(settings, engine, steps)
    compiler = f"{PYTHON}-build"
    for target, name in (("python", PYTHON), ("build", compiler)):
        with steps.step(f"base-{target}", f"image {name}"):
            folder = ROOT / "images/base"
            words: list[str | Path] = ["--build-arg", f"DEBIAN_IMAGE={base}", "--target", target, "-t", name, folder]
            steps.run([*_docker_build(engine), *words], env=engine.env)
    return PYTHON, compiler


def _docker_build(engine: Engine) -> list[str | Path]:
    # Our own engine has no bridge; and an index that this machine reaches is reached from its own network.
    return [engine.client, "build", "--network", "host", "--progress", "plain", "--build-arg", "SOURCE_DATE_EPOCH=0"]


@contextmanager
def _pip_secrets() -> Iterator[list[str]]:
    """Docker's words that hand this machine's pip settings to a build, in files that no layer keeps."""
    settings = pip_settings(os.environ, [Path("/etc/pip.conf"), Path.home() / ".config/pip/pip.conf"])
    with tempfile.TemporaryDirectory() as folder:
        words: list[str] = []
        authority = settings.pop("cert", None)
        if authority:
            settings["cert"] = "/run/secrets/ca.pem"
            words += ["--secret", f"id=ca.pem,src={authority}"]
        config = configparser.RawConfigParser()
        config["global"] = settings
        path = Path(folder) / "pip.conf"
        with path.open("w") as file:
            config.write(file)
        yield [*words, "--secret", f"id=pip.conf,src={path}"]


def pip_settings(environment: Mapping[str, str], files: list[Path]) -> dict[str, str]:
    """Where pip looks for packages on this machine: its configuration files, then PIP_* and uv's UV_DEFAULT_INDEX.

    A find-links folder of this machine means nothing inside a build and is left out.
    """
    found: dict[str, str] = {}
    config = configparser.RawConfigParser()
    config.read(files)
    for section in ("global", "install"):
        found |= dict(config[section]) if section in config else {}
    names = ("index-url", "extra-index-url", "trusted-host", "find-links", "cert", "no-index", "timeout")
    for name in names:
        value = environment.get(f"PIP_{name.upper().replace('-', '_')}")
        if value:
            found[name] = value
    index = environment.get("UV_DEFAULT_INDEX")
    if index:
        found.setdefault("index-url", index)
    kept = {name: value for name, value in found.items() if name in names}
    if "://" not in kept.get("find-links", "://"):
        del kept["find-links"]
    return kept
