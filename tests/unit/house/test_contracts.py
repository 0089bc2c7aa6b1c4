"""Each floor of each import contract holds: an import that runs up, planted in a copy of the code, is found."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
HOMES = {each.name: each.parent for each in ROOT.glob("*/dcp_*") if each.name in LINTER["root_packages"]}


def floors(contract: dict[str, Any]) -> list[tuple[str, str]]:
    """(a module, one of the floor above it) for each floor but the top one."""
    (container,) = contract.get("containers", [""])
    names = [[part.strip() for part in re.split(r"[|:]", layer)] for layer in contract["layers"]]
    full = [[f"{container}.{name}" if container else name for name in layer] for layer in names]
    return [(below[-1], above[0]) for above, below in pairwise(full)]


UP = [floor for contract in LINTER["contracts"] for floor in floors(contract)]


def plant(tree: Path, lower: str, upper: str, number: int) -> str:
    """An import of `upper` in `lower`, or in a new module inside it; the module that has it."""
    home = tree / HOMES[lower.partition(".")[0]].name / Path(*lower.split("."))
    if home.is_dir():
        (home / f"planted_{number}.py").write_text(f"import {upper}\n")
        return f"{lower}.planted_{number}"
    with home.with_suffix(".py").open("a") as file:
        file.write(f"\nimport {upper}\n")
    return lower


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[str]]:
    """What lint-imports says of a copy with an import up from every floor, and each as it should be named there."""
    tree = tmp_path_factory.mktemp("tree")
    for package, home in HOMES.items():
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(home / package, tree / home.name / package, ignore=leave)
    shutil.copy(ROOT / "pyproject.toml", tree)
    wanted = [f"{plant(tree, lower, upper, number)} -> {upper} (" for number, (lower, upper) in enumerate(UP)]
    path = os.pathsep.join(str(tree / home.name) for home in HOMES.values())
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "1000", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1, run.stderr
    return " ".join(run.stdout.split()), wanted


def test_every_contract_is_broken_by_it(told: tuple[str, list[str]]) -> None:
    output, _ = told
    assert f"Contracts: 0 kept, {len(LINTER['contracts'])} broken" in output


def test_every_import_that_runs_up_is_named(told: tuple[str, list[str]]) -> None:
    output, wanted = told
    assert len(wanted) > 40
    assert [each for each in wanted if each not in output] == []
