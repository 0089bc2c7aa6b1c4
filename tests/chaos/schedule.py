"""Plays one schedule on a stage: data flows, faults strike, everything heals, then the verdict."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import maxminddb
import redis
from sqlalchemy import Engine, text

from chaos.cast import Actor, Cast, on_stage
from chaos.faults.table import BY_NAME
from chaos.outcome import Outcome, Struck, outcome_of
from chaos.plan import FETCHER, Plan, Strike
from chaos.stage import Stage
from chaos.verdict import TABLE, Content, History, Verdict, judge, settled
from dcp_pipeline.ledger import connect
from oracle.oracle import outcomes
from support.databases import OF_DRIVERS
from support.dcp_process import EXAMPLES
from support.waiting import wait_until

START_SECONDS = 180.0
SETTLE_SECONDS = 180.0
T = TypeVar("T")
UNPLAYABLE = (AssertionError, OSError, redis.RedisError, *OF_DRIVERS)
"""What a stage that does not do as it should raises."""


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
            wait_until(lambda: _flows(engine), "batches are cut, and workers have come", START_SECONDS, 0.1)
            struck = strike_all(stage, plan, engine)
            healed = time.monotonic()
            history = _history(stage)
            verdict = _settle_and_judge(stage, cast, engine, history)
            settle_seconds = time.monotonic() - healed
            verdict.findings += cast.leave() if verdict.good else []
            return outcome_of(plan, verdict, actors, struck, time.monotonic() - begun, settle_seconds)
    finally:
        engine.dispose()


def strike_all(stage: Stage, plan: Plan, engine: Engine) -> list[Struck]:
    """Arrivals and strikes, each at its moment; returns when the last one is over."""
    begun, over = time.monotonic(), threading.Event()

    def at(seconds: float, action: Callable[[], T]) -> T:
        time.sleep(max(0.0, begun + seconds - time.monotonic()))
        return action()

    late = [each for each in plan.arrivals if each.at_seconds > 0]
    with ThreadPoolExecutor(len(late) + len(plan.strikes) + 1) as pool:
        try:
            if plan.withdraws:
                pool.submit(_withdraw, stage, engine, over)
            arrivals = [pool.submit(at, each.at_seconds, partial(stage.arrive, each)) for each in late]
            strikes = [pool.submit(at, each.at_seconds, partial(strike, stage, each)) for each in plan.strikes]
            for each in arrivals:
                each.result()
            return [each.result() for each in strikes]
        finally:
            over.set()


def strike(stage: Stage, planned: Strike) -> Struck:
    """One fault, from its beginning to its end. Where the one before it on the same target takes longer than was planned
    (a database that starts on a starved machine), it waits its turn."""
    with stage.turns[planned.target]:
        begun = time.monotonic()
        undo = BY_NAME[planned.fault].begin(stage, planned)
        time.sleep(planned.seconds)
        undo()
    return Struck(planned.fault, begun, time.monotonic())


def _withdraw(stage: Stage, engine: Engine, over: threading.Event) -> None:
    """Take files away as soon as everything of what is served is cut and enqueued."""
    query = "SELECT uri, etag FROM dcp_objects WHERE state = 'cut'"
    while not over.wait(0.2):
        with suppress(*OF_DRIVERS):
            for uri, etag in _rows(engine, query):
                stage.withdraw(uri.rsplit("/", 1)[-1], etag)


def _settle_and_judge(stage: Stage, cast: Cast, engine: Engine, history: History) -> Verdict:
    stage.heal()
    cast.heal()
    deadline = time.monotonic() + SETTLE_SECONDS
    while settled(engine, history) and time.monotonic() < deadline:
        time.sleep(0.2)
    return judge(engine, history)


def _history(stage: Stage) -> History:
    with maxminddb.open_database(str(EXAMPLES / "country.mmdb")) as countries:
        return {
            name: tuple(Content(etag, raw, tuple(outcomes(raw, countries))) for etag, raw in contents)
            for name, contents in stage.history.items()
        }


def _flows(engine: Engine) -> bool:
    """Whether a batch is cut, and a worker has made the table."""
    tables = {name for (name,) in _rows(engine, "SHOW TABLES")}
    return {TABLE, "dcp_batches"} <= tables and bool(_rows(engine, "SELECT id FROM dcp_batches LIMIT 1"))


def _rows(engine: Engine, query: str) -> list[tuple[str, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]
