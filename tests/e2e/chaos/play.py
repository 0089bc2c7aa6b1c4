"""Plays one round: data flows, one fault after the other strikes, everything settles, then the verdict."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.verdict import History, Verdict, judge, settled
from dcp_pipeline.ledger.errors import OF_DRIVERS
from e2e.chaos.faults import PLAYED, replay_all
from e2e.chaos.flow import flowing, settled_records
from e2e.chaos.plan import Strike
from e2e.chaos.scene import Scene
from e2e.support.stage import wait_for
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

    def __str__(self) -> str:
        """The last line."""
        return last_line([self])


def last_line(outcomes: Sequence[Outcome]) -> str:
    """What a run of rounds came to."""
    kinds = Counter(each.strike.fault.value for outcome in outcomes for each in outcome.struck)
    verdicts = [each.verdict for each in outcomes]
    failed = [str(each.seed) for each in outcomes if not each.verdict.good]
    return (
        f"cluster chaos: seeds {', '.join(str(each.seed) for each in outcomes)}: {kinds.total()} faults "
        f"({', '.join(f'{kind} {count}' for kind, count in sorted(kinds.items()))}), "
        f"{sum(each.records for each in verdicts):,} records, {sum(each.lost for each in verdicts)} lost, "
        f"{sum(each.doubled for each in verdicts)} doubled, {sum(each.seconds for each in outcomes):.0f} s"
        + (f"; FAILED seeds: {', '.join(failed)}" if failed else "")
    )


def play(scene: Scene, seed: int, strikes: Sequence[Strike]) -> Outcome:
    """Carry a round out."""
    begun = time.monotonic()
    with flowing(scene.stage, seed, scene.folder / "feed") as flow:
        work_in_hands(scene)
        struck = tuple(strike_once(scene, each) for each in strikes)
    settle(scene, flow.history)
    replay_all(scene)
    verdict = judge(scene.stage.database, flow.history, scene.pipeline)
    verdict.findings += [f"dcp verify: {each}" for each in verified(scene)]
    return Outcome(seed, struck, verdict, time.monotonic() - begun)


def strike_once(scene: Scene, strike: Strike) -> Struck:
    """One fault, in the middle of the work; returns when work goes on."""
    held = work_in_hands(scene)
    begun = time.monotonic()
    PLAYED[strike.fault](scene, strike.draw)
    ended, settled_by_then = time.monotonic(), settled_records(scene.stage.database)
    wait_until(
        lambda: settled_records(scene.stage.database) > settled_by_then, "work to go on", RECOVERED_WITHIN_SECONDS
    )
    struck = Struck(strike, held, ended - begun, time.monotonic() - ended)
    print(struck, flush=True)
    return struck


def work_in_hands(scene: Scene) -> int:
    """Wait until workers hold batches; how many."""
    seen = [0]

    def check() -> bool:
        seen[0] = scene.in_hands()
        return seen[0] > 0

    wait_until(check, "workers to hold batches", RECOVERED_WITHIN_SECONDS)
    return seen[0]


def settle(scene: Scene, history: History) -> None:
    """Wait until all that was put is read, and no batch is pending."""

    def check() -> bool:
        try:
            return settled(scene.stage.database, history) is None
        except OF_DRIVERS:
            return False

    wait_for(check, "everything to be settled", SETTLED_WITHIN_SECONDS)


def verified(scene: Scene) -> list[str]:
    """The findings of the command."""
    answer = scene.stage.dcp("verify", scene.document, Path(scene.folder) / "verify")
    return [str(each) for each in answer["findings"]]
