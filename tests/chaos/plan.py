"""What a schedule does: a pure function of its seed. schedule.py carries it out.

A plan says when files appear in the feed, which faults strike what and when, and which processes are ended or stopped
from inside at which phase of a batch's life.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from chaos.faults.table import BY_NAME, FAULTS, Fault
from dcp_pipeline.observe.phases import Phase

WINDOW_SECONDS = 6.0
"""While data flows into the feed and faults strike."""
FETCHER = "fetcher"
WORKERS = ("worker-1", "worker-2", "worker-3")
FETCHER_PHASES = (Phase.FETCHING, Phase.CUT, Phase.ENQUEUED)
WORKER_PHASES = (Phase.CLAIMED, Phase.CLEANED, Phase.INSERTED, Phase.COMMITTED, Phase.ACKNOWLEDGED)
HOUR_SECONDS = 3600


class How(StrEnum):
    """What a process does to itself."""

    KILL = "kill"
    STOP = "stop"
    DAWDLE = "dawdle"
    """Only the thread that reached the phase waits: its lease is renewed meanwhile."""


@dataclass(frozen=True)
class Doom:
    """When `phase` is reached for the `nth` time, the process kills itself, or stops or dawdles for `seconds`."""

    phase: Phase
    nth: int
    how: How = How.KILL
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.how}-at-{self.phase}#{self.nth}"


@dataclass(frozen=True)
class Life:
    """One process of a role, from its start to its end."""

    doom: Doom | None = None
    clock_skew_seconds: int = 0


@dataclass(frozen=True)
class Role:
    """A process that is started again whenever it ends: first its lives in their order, then plain ones."""

    name: str
    lives: tuple[Life, ...] = ()


@dataclass(frozen=True)
class Strike:
    """A fault of the table, at a moment after the first batch was cut, for so long, on its target.

    `draw` is from [0, 1): what a fault needs of chance.
    """

    at_seconds: float
    fault: str
    target: str
    seconds: float
    draw: float

    def __str__(self) -> str:
        return f"{self.fault}@{self.target}+{self.at_seconds:.1f}s"


@dataclass(frozen=True)
class Arrival:
    """A file that appears in the feed."""

    at_seconds: float
    name: str
    records: int
    seed: int
    packed: bool


@dataclass(frozen=True)
class Plan:
    """A whole schedule."""

    seed: int
    arrivals: tuple[Arrival, ...]
    strikes: tuple[Strike, ...]
    roles: tuple[Role, ...]
    batch_records: int
    concurrency: int
    max_queue_bytes: int
    withdraws: bool
    """The feed takes files away as soon as they are cut: what the queue then loses is lost for good."""

    label: str = ""
    """The name of its folder."""
    certain: tuple[str, ...] = ()
    """Faults of which one strikes whatever the seed says."""
    long: bool = False
    expires: bool = False
    """Rows are kept for ten minutes, and the feed's are about so old: some come too late, and some of those that are
    written expire while everybody works."""

    @property
    def dooms(self) -> tuple[Doom, ...]:
        """Of all roles."""
        return tuple(life.doom for role in self.roles for life in role.lives if life.doom)

    @property
    def keeps_leases(self) -> bool:
        """Whether none but a killed or stopped worker has a reason to lose a batch to another."""
        return all(BY_NAME[strike.fault].keeps_leases for strike in self.strikes)

    @property
    def names(self) -> tuple[str, ...]:
        """What is going to happen, for people."""
        dooms = [f"{role.name}:{life.doom}" for role in self.roles for life in role.lives if life.doom]
        skews = [f"{role.name}:clock" for role in self.roles for life in role.lives if life.clock_skew_seconds]
        extra = [*(["feed-withdraws"] if self.withdraws else []), *(["rows-expire"] if self.expires else [])]
        return (*dooms, *skews, *(str(each) for each in self.strikes), *extra)


_EXPIRES_EVERY = 6


def plan_of(seed: int, certain: Sequence[str] = (), long: bool = False, expires: bool = False) -> Plan:
    """The schedule of a seed. Of the faults that are `certain` one strikes in it whatever its chance, by turns; where it
    is `long`, for as long as no schedule has by chance, and files keep appearing meanwhile. Every sixth has rows that expire,
    or all, where it is said that it `expires`."""
    chance = random.Random(f"chaos {seed}")
    withdraws = chance.random() < 0.2 and not certain
    arrivals = _arrivals(chance, seed, files=chance.randrange(6, 10))
    strikes = _strikes(
        chance,
        [each for each in FAULTS if not (withdraws and each.forgets)],
        [_at_length(BY_NAME[certain[seed % len(certain)]], long)] if certain else [],
    )
    return Plan(
        seed=seed,
        arrivals=_spread(arrivals, strikes) if long else arrivals,
        strikes=strikes,
        roles=_roles(chance, seed),
        batch_records=chance.choice((40, 60, 100)),
        concurrency=chance.choice((1, 1, 2)),
        max_queue_bytes=chance.choice((32, 128, 1024)) * 1024,
        withdraws=withdraws,
        label=str(seed),
        certain=tuple(certain),
        long=long,
        expires=expires or seed % _EXPIRES_EVERY == _EXPIRES_EVERY - 1,
    )


def _at_length(fault: Fault, long: bool) -> Fault:
    return replace(fault, seconds=fault.long_seconds) if long and fault.long_seconds else fault


def _spread(arrivals: tuple[Arrival, ...], strikes: Sequence[Strike]) -> tuple[Arrival, ...]:
    """The same files over all the time in which something strikes."""
    over = max([WINDOW_SECONDS, *(each.at_seconds + each.seconds for each in strikes)])
    return tuple(replace(each, at_seconds=round(each.at_seconds * over / WINDOW_SECONDS, 2)) for each in arrivals)


def _arrivals(chance: random.Random, seed: int, files: int) -> tuple[Arrival, ...]:
    return tuple(
        Arrival(
            at_seconds=0.0 if number < 2 else round(chance.uniform(0, WINDOW_SECONDS), 2),
            name=f"2026-10-{number + 1:02d}-sinkhole.csv",
            records=chance.randrange(200, 900),
            seed=seed * 100 + number,
            packed=chance.random() < 0.25,
        )
        for number in range(files)
    )


def _strikes(chance: random.Random, faults: Sequence[Fault], certain: Sequence[Fault]) -> tuple[Strike, ...]:
    """Some faults; never two at a time on the same target."""
    wanted, strikes, due = chance.randrange(3, 7), list[Strike](), list(certain)
    while len(strikes) < wanted:
        fault = due.pop() if due else chance.choices(faults, [each.weight for each in faults])[0]
        new = Strike(
            at_seconds=round(chance.uniform(0, WINDOW_SECONDS), 2),
            fault=fault.name,
            target=chance.choice(fault.targets),
            seconds=round(chance.uniform(*fault.seconds), 2),
            draw=chance.random(),
        )
        if not any(_collide(new, each) for each in strikes):
            strikes.append(new)
    return tuple(sorted(strikes, key=lambda each: each.at_seconds))


def _collide(one: Strike, other: Strike) -> bool:
    first, second = sorted((one, other), key=lambda each: each.at_seconds)
    return one.target == other.target and second.at_seconds <= first.at_seconds + first.seconds + 0.5


def _roles(chance: random.Random, seed: int) -> tuple[Role, ...]:
    """Every schedule kills one worker between INSERT and COMMIT or between COMMIT and acknowledgement; by turns."""
    certain = Doom((Phase.INSERTED, Phase.COMMITTED)[seed % 2], chance.randrange(1, 4))
    fetcher = [Life(_doom(chance, FETCHER_PHASES))] if chance.random() < 0.5 else []
    lives: dict[str, list[Life]] = {name: [] for name in WORKERS}
    lives[chance.choice(WORKERS)].append(Life(certain))
    for _ in range(chance.randrange(1, 4)):
        lives[chance.choice(WORKERS)].append(Life(_doom(chance, WORKER_PHASES)))
    if chance.random() < 0.25:
        lives[chance.choice(WORKERS)].insert(0, Life(clock_skew_seconds=chance.choice((-HOUR_SECONDS, HOUR_SECONDS))))
    return (Role(FETCHER, tuple(fetcher)), *(Role(name, tuple(each)) for name, each in lives.items()))


def _doom(chance: random.Random, phases: Sequence[Phase]) -> Doom:
    phase, nth = chance.choice(phases), chance.randrange(1, 8)
    how = chance.choices(tuple(How), (0.65, 0.25, 0.1))[0]
    return Doom(phase, nth, how, 0.0 if how is How.KILL else round(chance.uniform(2.5, 4.5), 1))
