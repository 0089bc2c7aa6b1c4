"""Each image knows which release it holds: what runs in it looks it up (dcp_build_info, the operator's metrics)."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import Distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
IMAGES = sorted(path.parent.name for path in ROOT.glob("images/*/Dockerfile") if path.parent.name != "base")


def _what_writes_the_release(dockerfile: str) -> str:
    """The shell words of the stage `code` that write the project's name and version."""
    found = re.search(r"^RUN (version=.*?METADATA) \\$", dockerfile, re.MULTILINE | re.DOTALL)
    assert found is not None, "no step writes the project's METADATA"
    return found[1].replace("\\\n", " ")


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_holds_the_release(image: str, tmp_path: Path) -> None:
    dockerfile = (ROOT / "images" / image / "Dockerfile").read_text()
    assert "COPY pyproject.toml /tmp/pyproject.toml" in dockerfile
    assert "!pyproject.toml" in (ROOT / "images" / image / "Dockerfile.dockerignore").read_text()
    words = _what_writes_the_release(dockerfile)
    words = words.replace("/tmp/pyproject.toml", str(ROOT / "pyproject.toml")).replace("/opt/dcp-code", str(tmp_path))
    subprocess.run(["bash", "-euc", words], check=True)
    (found,) = Distribution.discover(name="datacleaning-pipelines", path=[str(tmp_path)])
    assert found.version == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
