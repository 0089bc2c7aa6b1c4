"""What came of a schedule: the verdict, who died where, what struck when, and how long it took to recover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chaos.cast import Actor, Death
from chaos.journal import claims, own_ends, recovery_seconds
from chaos.plan import FETCHER, Plan
from chaos.verdict import Verdict

UNPLAYED = 7
"""Exit code: unlike one of pytest's, and of make's."""


@dataclass(frozen=True)
class Struck:
    """A fault that took place, by the monotonic clock; `name` is the strike's, or the doom's."""

    name: str
    begun: float
    ended: float


@dataclass(frozen=True)
class Outcome:
    """A schedule that was played."""

    plan: Plan
    verdict: Verdict
    played: bool = True
    """Otherwise the verdict is about the stage, and not about what is tried on it."""
    seconds: float = 0.0
    settle_seconds: float = 0.0
    """From the end of the last fault until nothing was pending."""
    deaths: tuple[Death, ...] = ()
    struck: tuple[Struck, ...] = ()
    repeated: int = 0
    """Times that a batch was given to a worker again."""
    recovery_seconds: float = 0.0
    """From the end of the last fault until all that was cut by then was committed."""

    @property
    def kills(self) -> Counter[str]:
        """Kills from inside by phase, and those from outside."""
        own = Counter(death.phase for death in self.deaths if death.doom)
        return own + Counter({"from outside": sum(1 for death in self.deaths if not death.doom and death.code == -9)})

    @property
    def faults(self) -> int:
        """How often something struck."""
        return len(self.struck) + self.plan.withdraws

    @property
    def unexplained(self) -> int:
        """Batches that were given out again though their worker lived and nothing kept it from renewing."""
        if not self.plan.keeps_leases:
            return 0
        ended = sum(1 for death in self.deaths if death.role != FETCHER)
        stopped = sum(1 for each in self.struck if each.name.startswith(("stop-", "worker-stopped")))
        return max(0, self.repeated - (ended + stopped) * self.plan.concurrency)

    @property
    def by_itself(self) -> tuple[Death, ...]:
        """Processes that ended though nobody killed them."""
        return tuple(death for death in self.deaths if death.code != -9)


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """0 where all are good, UNPLAYED where those that are not could not be played, otherwise 1."""
    bad = [each for each in outcomes if not each.verdict.good]
    return 0 if not bad else 1 if any(each.played for each in bad) else UNPLAYED


def unplayable(plan: Plan, why: str) -> Outcome:
    """The outcome of a plan that could not be carried out to its end."""
    return Outcome(plan, Verdict(findings=[f"could not be played: {why}"]), played=False)


def outcome_of(
    plan: Plan, verdict: Verdict, actors: Sequence[Actor], strikes: Sequence[Struck], seconds: float, settle: float
) -> Outcome:
    """Put together what the journals tell."""
    journals = [journal for actor in actors for journal in actor.journals()]
    own = [Struck(f"{end.word}-at-{end.phase}", end.at_seconds, end.until) for end in own_ends(journals)]
    struck = sorted([*strikes, *own], key=lambda each: each.begun)
    claimed = claims(journals)
    return Outcome(
        plan=plan,
        verdict=verdict,
        seconds=seconds,
        settle_seconds=settle,
        deaths=tuple(death for actor in actors for death in actor.deaths),
        struck=tuple(struck),
        repeated=claimed.total() - len(claimed),
        recovery_seconds=recovery_seconds(journals, max((each.ended for each in struck), default=0.0)),
    )
