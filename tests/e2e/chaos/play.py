"""Plays one round: data flows, one fault after the other strikes, everything settles, then the verdict."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, text

from chaos.verdict import History, Verdict, judge, settled
from e2e.chaos.faults import PLAYED, replay_all
from e2e.chaos.flow import flowing, settled_records
from e2e.chaos.plan import Strike, strikes_of
from e2e.chaos.scene import Scene
from e2e.support.stage import wait_for
from support.databases import OF_DRIVERS
from support.waiting import wait_until

RECOVERED_WITHIN_SECONDS = 120
SETTLED_WITHIN_SECONDS = 180


@dataclass(frozen=True)
class Struck:
    """A fault that took place. `in_hands` are batches that workers held when it began."""

    strike: Strike
    in_hands: int
    seconds: float
    recovered_seconds: float
    """From its end until another batch was settled."""

    def __str__(self) -> str:
        return (
            f"{self.strike.fault}: {self.in_hands} batches in hands, {self.seconds:.1f} s, "
            f"the next one settled {self.recovered_seconds:.1f} s later"
        )


@dataclass(frozen=True)
class Outcome:
    """A round that was played."""

    seed: int
    struck: tuple[Struck, ...]
    verdict: Verdict
    seconds: float


def play(scene: Scene, seed: int) -> Outcome:
    """Carry the round of a seed out."""
    begun = time.monotonic()
    with flowing(scene.stage, seed, scene.folder / "feed") as flow:
        struck = tuple(strike(scene, each) for each in strikes_of(seed))
    settle(scene, flow.history)
    replay_all(scene)
    verdict = judge(scene.stage.database, flow.history, scene.pipeline)
    verdict.findings += unequal_books(scene.stage.database, flow.history) + verified(scene)
    return Outcome(seed, struck, verdict, time.monotonic() - begun)


def strike(scene: Scene, planned: Strike) -> Struck:
    """One fault, in the middle of the work; returns when work goes on."""
    held = in_the_middle_of_work(scene)
    begun = time.monotonic()
    PLAYED[planned.fault](scene, planned.draw)
    ended = time.monotonic()
    await_another(scene, f"work to go on after {planned.fault}")
    struck = Struck(planned, held, ended - begun, time.monotonic() - ended)
    print(struck, flush=True)
    return struck


def await_another(scene: Scene, what: str) -> None:
    """Wait until a batch is settled that was not yet, as soon as the database can be asked at all."""
    first: list[int] = []

    def check() -> bool:
        settled_now = settled_records(scene.stage.database)
        if settled_now is None:
            return False
        first.append(settled_now)
        return settled_now > first[0]

    wait_until(check, what, RECOVERED_WITHIN_SECONDS)


def in_the_middle_of_work(scene: Scene) -> int:
    """Wait until workers hold batches; how many."""
    seen = [0]

    def check() -> bool:
        seen[0] = scene.in_hands()
        return seen[0] > 0

    wait_until(check, "workers to hold batches", RECOVERED_WITHIN_SECONDS)
    return seen[0]


def settle(scene: Scene, history: History) -> None:
    """Wait until all that was put is read, and no batch is pending. Where that takes too long, the verdict names it."""
    deadline = time.monotonic() + SETTLED_WITHIN_SECONDS

    def check() -> bool:
        try:
            done = settled(scene.stage.database, history) is None
        except OF_DRIVERS:
            done = False
        return done or time.monotonic() > deadline

    wait_for(check, "everything to be settled", 2 * SETTLED_WITHIN_SECONDS)


def unequal_books(engine: Engine, history: History) -> list[str]:
    """The objects whose books are not the oracle's: what was read, became or would have become a row, was rejected."""
    query = (
        "SELECT o.uri, SUM(b.`read`), SUM(b.written + b.duplicates), SUM(b.rejected), SUM(b.filtered) "
        "FROM dcp_batches b JOIN dcp_objects o ON o.id = b.object_id WHERE b.state = 'done' GROUP BY o.id, o.uri"
    )
    with engine.connect() as connection:
        rows = connection.execute(text(query)).all()
    books = {uri.rsplit("/", 1)[-1]: tuple(int(each) for each in sums) for uri, *sums in rows}
    wanted = {}
    for name, (content,) in history.items():
        rejected = sum(isinstance(each, str) for each in content.outcomes)
        wanted[name] = (len(content.outcomes), len(content.outcomes) - rejected, rejected, 0)
    differing = sorted(name for name in books.keys() | wanted.keys() if books.get(name) != wanted.get(name))
    return [f"{name}: the books are {books.get(name)}, the oracle's {wanted.get(name)}" for name in differing]


def verified(scene: Scene) -> list[str]:
    """What `dcp verify` finds."""
    process = scene.dcp("verify")
    code = process.wait()
    return [] if code == 0 else [f"dcp verify ended with {code}: {process.out()}{process.err()}"]


def last_line(outcomes: Sequence[Outcome]) -> str:
    """What some rounds came to."""
    kinds = Counter(each.strike.fault.value for outcome in outcomes for each in outcome.struck)
    verdicts = [each.verdict for each in outcomes]
    failed = [str(each.seed) for each in outcomes if not each.verdict.good]
    return (
        f"cluster chaos: seed {', '.join(str(each.seed) for each in outcomes)}: {kinds.total()} faults "
        f"({', '.join(f'{kind} {count}' for kind, count in sorted(kinds.items()))}), "
        f"{sum(each.records for each in verdicts):,} records, {sum(each.lost for each in verdicts)} lost, "
        f"{sum(each.doubled for each in verdicts)} doubled, {sum(each.seconds for each in outcomes):.0f} s"
        + (f"; FAILED: seed {', '.join(failed)}" if failed else "")
    )
