"""Does the suite see it when a guard is missing? Each guard is taken out of a copy of the packages, then whatever
should notice is run on the copy until one does: a schedule with a bad verdict, or a test that fails. A schedule that
could not be played, or a test that was not found, has noticed nothing.

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
from chaos.outcome import UNPLAYED

ROOT = Path(__file__).parents[2]
PACKAGES = ("cli", "pipeline", "fetcher", "worker", "operator", "ui")
FAILED = 1
"""Exit code of pytest where a test fails, and of chaos where a verdict is bad."""
TRIES = 3
"""Of a schedule that could not be played."""
MUTATIONS = (*OF_THE_BOOKS, *FROM_OUTSIDE)


def run_mutations(only: str) -> int:
    """Take out each guard whose name has `only` in it; 0 where something noticed each time."""
    unseen = 0
    for mutation in MUTATIONS:
        if only not in mutation.name:
            continue
        with tempfile.TemporaryDirectory(prefix="dcp-mutation-") as folder:
            environment = mutated(mutation, Path(folder))
            caught = next((each for each in mutation.catchers() if notices(each, environment)), None)
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


def notices(catcher: Catcher, environment: Mapping[str, str]) -> bool:
    """Whether it fails, and not for another reason than the missing guard; what it says is printed."""
    for _ in range(TRIES):
        done = subprocess.run(
            [sys.executable, *catcher.arguments], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        said = {0: "nothing noticed", FAILED: "failed", UNPLAYED: "could not be played"}
        print(f"  {catcher.name}: {said.get(done.returncode, f'exit {done.returncode}')}", flush=True)
        if done.returncode:
            print("\n".join(f"    {line[:300]}" for line in done.stdout.splitlines()[-8:]), flush=True)
        if done.returncode != UNPLAYED:
            break
    return done.returncode == FAILED
