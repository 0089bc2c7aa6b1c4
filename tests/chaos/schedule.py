"""Plays one schedule on a stage: data flows, faults strike, everything heals, then the verdict."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import maxminddb
import redis
from sqlalchemy import Engine, text

from chaos.cast import Actor, Cast, Death, on_stage
from chaos.faults.table import BY_NAME
from chaos.plan import FETCHER, Plan, Strike
from chaos.stage import Stage
from chaos.verdict import Content, History, Verdict, judge, settled
from dcp_pipeline.ledger import connect
from dcp_pipeline.ledger.errors import OF_DRIVERS
from oracle.oracle import outcomes
from support.dcp_process import EXAMPLES
from support.waiting import wait_until

START_SECONDS = 180.0
SETTLE_SECONDS = 180.0


UNPLAYABLE = (AssertionError, OSError, redis.RedisError, *OF_DRIVERS)
"""What a stage that does not do as it should raises."""


@dataclass(frozen=True)
class Outcome:
    """What came of a schedule."""

    plan: Plan
    verdict: Verdict
    seconds: float
    settle_seconds: float
    """From the end of the last fault until nothing was pending."""
    deaths: tuple[Death, ...] = ()
    stops: int = 0
    struck: tuple[str, ...] = ()
    repeated: int = 0
    """Times that a batch was given to a worker again."""
    notes: tuple[str, ...] = field(default=())

    @property
    def kills(self) -> Counter[str]:
        """Kills from inside by phase, and those from outside."""
        own = Counter(death.phase for death in self.deaths if death.doom)
        return own + Counter({"from outside": sum(1 for death in self.deaths if not death.doom and death.code == -9)})

    @property
    def faults(self) -> int:
        """How often something struck."""
        return len(self.struck) + self.stops + sum(1 for death in self.deaths if death.doom) + self.plan.withdraws


def play(stage: Stage, plan: Plan, folder: Path) -> Outcome:
    """Carry a plan out. The logs are in `folder`."""
    begun = time.monotonic()
    stage.reset(plan)
    specs = {kind: stage.write_spec(folder / f"{kind}.yaml", plan, kind) for kind in ("fetcher", "worker")}
    actors = [
        Actor(role, specs["fetcher" if role.name == FETCHER else "worker"], folder, stage.env) for role in plan.roles
    ]
    engine = connect(stage.url, password=stage.mariadb.password)
    try:
        with on_stage(actors) as cast:
            stage.cast = cast
            for arrival in plan.arrivals:
                if arrival.at_seconds == 0:
                    stage.arrive(arrival)
            wait_until(lambda: _cut_batches(engine), "the first batches are cut", START_SECONDS, 0.1)
            strike_all(stage, plan, engine)
            healed = time.monotonic()
            history = _history(stage)
            verdict = _settle_and_judge(stage, cast, engine, history)
            settle_seconds = time.monotonic() - healed
            verdict.findings += cast.leave() if verdict.good else []
            return _outcome(plan, verdict, actors, time.monotonic() - begun, settle_seconds)
    finally:
        engine.dispose()


def unplayable(plan: Plan, why: str) -> Outcome:
    """The outcome of a plan that could not be carried out to its end."""
    return Outcome(plan, Verdict(findings=[f"could not be played: {why}"]), 0.0, 0.0)


def strike_all(stage: Stage, plan: Plan, engine: Engine) -> None:
    """Arrivals and strikes, each at its moment; returns when the last one is over."""
    begun = time.monotonic()

    def at(seconds: float, action: Callable[[], None]) -> None:
        time.sleep(max(0.0, begun + seconds - time.monotonic()))
        action()

    over = threading.Event()
    late = [each for each in plan.arrivals if each.at_seconds > 0]
    with ThreadPoolExecutor(len(late) + len(plan.strikes) + 1) as pool:
        if plan.withdraws:
            pool.submit(_withdraw, stage, engine, over)
        doings = [pool.submit(at, each.at_seconds, partial(stage.arrive, each)) for each in late]
        doings += [pool.submit(at, each.at_seconds, partial(strike, stage, each)) for each in plan.strikes]
        try:
            for each in doings:
                each.result()
        finally:
            over.set()


def strike(stage: Stage, planned: Strike) -> None:
    """One fault, from its beginning to its end."""
    undo = BY_NAME[planned.fault].begin(stage, planned)
    time.sleep(planned.seconds)
    undo()


def _withdraw(stage: Stage, engine: Engine, over: threading.Event) -> None:
    """Take files away as soon as everything of them is cut and enqueued."""
    while not over.wait(0.2):
        with suppress(*OF_DRIVERS):
            for name in _cut_files(engine):
                stage.withdraw(name)


def _settle_and_judge(stage: Stage, cast: Cast, engine: Engine, history: History) -> Verdict:
    stage.heal()
    cast.heal()
    deadline = time.monotonic() + SETTLE_SECONDS
    while settled(engine, history) and time.monotonic() < deadline:
        time.sleep(0.2)
    return judge(engine, history)


def _outcome(plan: Plan, verdict: Verdict, actors: list[Actor], seconds: float, settle_seconds: float) -> Outcome:
    deaths = tuple(death for actor in actors for death in actor.deaths)
    claimed = Counter[str]()
    for actor in actors:
        claimed += actor.claims()
    return Outcome(
        plan=plan,
        verdict=verdict,
        seconds=seconds,
        settle_seconds=settle_seconds,
        deaths=deaths,
        stops=sum(actor.stops() for actor in actors),
        struck=tuple(each.fault for each in plan.strikes),
        repeated=claimed.total() - len(claimed),
    )


def _history(stage: Stage) -> History:
    with maxminddb.open_database(str(EXAMPLES / "country.mmdb")) as countries:
        return {
            name: tuple(Content(etag, raw, tuple(outcomes(raw, countries))) for etag, raw in contents)
            for name, contents in stage.history.items()
        }


def _cut_batches(engine: Engine) -> int:
    if not _rows(engine, "SHOW TABLES LIKE 'dcp_batches'"):
        return 0
    return len(_rows(engine, "SELECT id FROM dcp_batches"))


def _cut_files(engine: Engine) -> list[str]:
    return [uri.rsplit("/", 1)[-1] for (uri,) in _rows(engine, "SELECT uri FROM dcp_objects WHERE state = 'cut'")]


def _rows(engine: Engine, query: str) -> list[tuple[str, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]
