"""What a mutation is: a guard that is taken out, and who should notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from chaos.plan import How, Plan, plan_of
from dcp_pipeline.observe.phases import Phase

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


def test(path: str, named: str) -> Callable[[], Iterator[Catcher]]:
    """Those tests of a file whose names have this in them."""
    name = f"{path}, {named}"
    return lambda: iter([Catcher(name, ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", path, "-k", named))])


def kills(*phases: Phase) -> Callable[[Plan], bool]:
    """Schedules in which a worker kills itself at one of these phases."""
    return lambda plan: any(doom.phase in phases and doom.how is How.KILL for doom in plan.dooms)


def guard(name: str, file: str, before: str, after: str, catchers: Callable[[], Iterator[Catcher]]) -> Mutation:
    """A guard that is one text in one file."""
    return Mutation(name, (Patch(file, before, after),), catchers)
