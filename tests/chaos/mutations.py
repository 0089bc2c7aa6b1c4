"""Does the suite see it when a guard is missing? Each guard is taken out of a copy of the packages, then whatever
should notice is run on the copy until one does.

`make chaos-mutations`; a line for each: which seed, schedule or test caught it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from chaos.guards.from_outside import FROM_OUTSIDE
from chaos.guards.guard import Catcher, Mutation
from chaos.guards.of_the_books import OF_THE_BOOKS

ROOT = Path(__file__).parents[2]
PACKAGES = ("cli", "pipeline", "fetcher", "worker", "operator", "ui")
MUTATIONS = (*OF_THE_BOOKS, *FROM_OUTSIDE)


def run_mutations(only: str) -> int:
    """Take out each guard whose name has `only` in it; 0 where something noticed each time."""
    unseen = 0
    for mutation in MUTATIONS:
        if only not in mutation.name:
            continue
        with tempfile.TemporaryDirectory(prefix="dcp-mutation-") as folder:
            environment = mutated(mutation, Path(folder))
            caught = next((each for each in mutation.catchers() if not _passes(each, environment)), None)
        unseen += caught is None
        print(f"{mutation.name}: {f'caught by {caught.name}' if caught else 'NOT CAUGHT'}", flush=True)
    return 0 if not unseen else 1


def mutated(mutation: Mutation, folder: Path) -> Mapping[str, str]:
    """The environment in which the packages are a copy without the guard. Raises ValueError where the guard does
    not stand where it is said to."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for patch in mutation.patches:
        path = folder / patch.file
        text = path.read_text()
        if text.count(patch.before) != 1:
            raise ValueError(f"{patch.file} has changed: say in {__file__} what the guard looks like now")
        path.write_text(text.replace(patch.before, patch.after))
    path = os.pathsep.join([*(str(folder / package) for package in PACKAGES), str(ROOT / "tests")])
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": path}


def _passes(catcher: Catcher, environment: Mapping[str, str]) -> bool:
    done = subprocess.run(
        [sys.executable, *catcher.arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    print(f"  {catcher.name}: {'nothing noticed' if done.returncode == 0 else 'failed'}", flush=True)
    if done.returncode:
        print("\n".join(f"    {line[:300]}" for line in done.stdout.splitlines()[-8:]), flush=True)
    return done.returncode == 0
