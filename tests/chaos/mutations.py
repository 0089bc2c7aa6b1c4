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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from chaos.plan import How, Plan, plan_of
from dcp_pipeline.observe.phases import Phase

ROOT = Path(__file__).parents[2]
PACKAGES = ("cli", "pipeline", "fetcher", "worker")
SEEDS_TRIED = 10


@dataclass(frozen=True)
class Patch:
    """A text in a file, and what stands there once the guard is out."""

    file: str
    before: str
    after: str


@dataclass(frozen=True)
class Catcher:
    """Something that should fail: its name, and the arguments of Python."""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Mutation:
    """A guard that is taken out, and who should notice, in the order in which they are asked."""

    name: str
    patches: tuple[Patch, ...]
    catchers: Callable[[], Iterator[Catcher]]


def seeds(suited: Callable[[Plan], bool]) -> Callable[[], Iterator[Catcher]]:
    """The first seeds whose schedules can show it."""

    def catchers() -> Iterator[Catcher]:
        fitting = (seed for seed in range(1, 1000) if suited(plan_of(seed)))
        for seed in islice(fitting, SEEDS_TRIED):
            yield Catcher(f"seed {seed}", ("-m", "chaos", "run", "--schedules", "1", "--seed", str(seed)))

    return catchers


def chain(*parts: Callable[[], Iterator[Catcher]]) -> Callable[[], Iterator[Catcher]]:
    """One after the other."""
    return lambda: islice((each for part in parts for each in part()), SEEDS_TRIED)


def schedule(label: str) -> Callable[[], Iterator[Catcher]]:
    """A schedule with one fault."""
    return lambda: iter([Catcher(f"schedule {label}", ("-m", "chaos", "faults", "--only", label))])


def tests(*paths: str) -> Callable[[], Iterator[Catcher]]:
    """Tests, one file after the other."""
    return lambda: (Catcher(path, ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", path)) for path in paths)


def kills(*phases: Phase) -> Callable[[Plan], bool]:
    """Schedules in which a worker kills itself at one of these phases."""
    return lambda plan: any(doom.phase in phases and doom.how is How.KILL for doom in plan.dooms)


def guard(name: str, file: str, before: str, after: str, catchers: Callable[[], Iterator[Catcher]]) -> Mutation:
    """A guard that is one text in one file."""
    return Mutation(name, (Patch(file, before, after),), catchers)


MUTATIONS = (
    Mutation(
        "the ledger check: a batch that is done is done again",
        (
            Patch(
                "pipeline/dcp_pipeline/ledger/claims.py",
                """        BATCHES.c.id == batch_id, BATCHES.c.pipeline == pipeline, BATCHES.c.state == BatchState.CUT.value
    )
    values = {"state": BatchState.DONE""",
                """        BATCHES.c.id == batch_id, BATCHES.c.pipeline == pipeline
    )
    values = {"state": BatchState.DONE""",
            ),
        ),
        seeds(kills(Phase.COMMITTED)),
    ),
    Mutation(
        "commit before acknowledgement: the queue is told first",
        (
            Patch(
                "worker/dcp_worker/loop.py",
                "            return self._clean_and_commit(batch)",
                """            self._parts.queue.exchange(self._claimant, [lease], 0)
            return self._clean_and_commit(batch)""",
            ),
        ),
        # Where the feed still has the file, the fetcher reads again what the queue has lost, and nothing shows.
        chain(
            schedule("feed-withdraws"),
            seeds(lambda plan: plan.withdraws and kills(Phase.CLEANED, Phase.INSERTED)(plan)),
        ),
    ),
    Mutation(
        "the lease's renewal: a batch is given away while its worker lives",
        (
            Patch(
                "pipeline/dcp_pipeline/queue/leases.py",
                "lost = self._queue.extend(renewed) if renewed else frozenset()",
                "lost: frozenset[str] = frozenset()",
            ),
        ),
        schedule("batch-takes-twice-its-lease"),
    ),
    Mutation(
        "the fencing token: a worker that woke up acts on a batch that another holds",
        (
            Patch(
                "pipeline/dcp_pipeline/queue/lua/common.lua",
                "redis.call('HGET', JOB .. id, 'token') == token and",
                "redis.call('HGET', JOB .. id, 'token') ~= false and",
            ),
            Patch(
                "pipeline/dcp_pipeline/queue/lua/exchange.lua",
                "if job[1] == token and redis.call",
                "if job[1] and redis.call",
            ),
        ),
        # The ledger stands behind the token, so no row shows its absence: only the queue's own tests do.
        tests("tests/integration/pipeline/queue/test_failures.py", "tests/model/test_queue.py"),
    ),
    guard(
        "a cut stands behind the one before it: after lost commits it leaves a gap",
        "pipeline/dcp_pipeline/ledger/objects.py",
        "            _follows(object_id, recorded, standing.get(cut.sequence - 1), cut)\n",
        "",
        chain(tests("tests/integration/pipeline/ledger/test_went_back.py"), schedule("mariadb-failed-over")),
    ),
    guard(
        "an object is closed with all its cuts: after lost commits its end is missing",
        "pipeline/dcp_pipeline/ledger/objects.py",
        "    if recorded != having_cuts:\n",
        "    if False:\n",
        tests("tests/integration/pipeline/ledger/test_went_back.py"),
    ),
    guard(
        "the epoch: an object that was forgotten whole is not looked for",
        "pipeline/dcp_pipeline/ledger/epoch.py",
        "self._went_back |= at < remembered",
        "self._went_back |= False",
        tests("tests/integration/pipeline/ledger/test_went_back.py"),
    ),
    guard(
        "the ledger's word on a batch: forged ones are written",
        "worker/dcp_worker/sink/writer.py",
        "        claims.check(connection, batch)\n",
        "",
        chain(tests("tests/integration/worker/sink/test_forged.py"), schedule("batch-forged")),
    ),
    guard(
        "tried alone: a poison batch takes its neighbour along",
        "pipeline/dcp_pipeline/queue/lua/exchange.lua",
        " and job[3] == job[4] then",
        " then",
        tests("tests/integration/pipeline/queue/test_alone.py"),
    ),
    guard(
        "the queue's owner: another pipeline's worker is given batches",
        "pipeline/dcp_pipeline/queue/lua/exchange.lua",
        "local owner = pipeline ~= '' and redis.call",
        "local owner = false and redis.call",
        tests("tests/integration/pipeline/queue/test_alone.py"),
    ),
    guard(
        "the indexes are compared: a job that fell out of one waits for ever",
        "pipeline/dcp_pipeline/queue/lua/mend.lua",
        "        make_ready(id)\n",
        "",
        chain(tests("tests/integration/pipeline/queue/test_mend.py"), schedule("redis-evicts")),
    ),
    guard(
        "the dead are compared: a ledger that went back never hears of a death",
        "worker/dcp_worker/chores.py",
        "frozenset() if self._runs % _ALL_EVERY_RUNS == 1 else self._seen",
        "self._seen",
        tests("tests/integration/worker/test_dead.py"),
    ),
)


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
