"""What is printed: a line per schedule, and one over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from chaos.outcome import Outcome
from chaos.plan import Plan
from dcp_pipeline.observe.phases import Phase

_ORDER = [each.value for each in Phase] + ["starting", "from outside"]


def line_of(outcome: Outcome) -> str:
    """One schedule. Where it failed: what was found, and the command that plays it again."""
    verdict, plan = outcome.verdict, outcome.plan
    words = (
        f"{_name(plan)}: {'ok' if verdict.good else 'FAILED'}, {verdict.records:,} records in {verdict.batches} "
        f"batches, {outcome.repeated} given out again, {outcome.seconds:.1f} s (settled in "
        f"{outcome.settle_seconds:.1f} s): {', '.join(plan.names)}"
    )
    if plan.expires:
        words += f"; {verdict.expired} rows are gone by their age"
    if outcome.unexplained:
        words += f"; {outcome.unexplained} batches taken from workers that lived"
    words += "".join(f"; {each.role} ended by itself with {each.code}" for each in outcome.by_itself)
    if verdict.good:
        return words
    certain = f" CERTAIN={','.join(plan.certain)}" if plan.certain else ""
    certain += " LONG=--long" if plan.long else ""
    certain += " EXPIRES=--expires" if plan.expires else ""
    command = f"chaos SCHEDULES=1 SEED={plan.seed}{certain}" if plan.seed else f"chaos-faults ONLY={plan.label}"
    again = f"  again: make {command}; logs: build/chaos/{plan.label}"
    return "\n".join([words, *(f"  - {each}" for each in verdict.findings), again])


def _name(plan: Plan) -> str:
    return f"seed {plan.seed}" if plan.seed else plan.label


def summary(outcomes: Sequence[Outcome]) -> str:
    """The last line."""
    kills = Counter[str]()
    for each in outcomes:
        kills += each.kills
    by_phase = ", ".join(f"{phase} {kills[phase]}" for phase in _ORDER if kills[phase])
    failed = [str(each.plan.seed) for each in outcomes if not each.verdict.good]
    return (
        f"chaos: {len(outcomes)} schedules, {sum(each.faults for each in outcomes)} faults, "
        f"{sum(each.verdict.records for each in outcomes):,} records, {sum(each.verdict.lost for each in outcomes)} lost, "
        f"{sum(each.verdict.doubled for each in outcomes)} doubled; kills by phase: {by_phase or 'none'}"
        + (f"; FAILED seeds: {', '.join(failed)}" if failed else "")
    )


def too_few(outcomes: Sequence[Outcome], least: int) -> list[str]:
    """What the schedules were to show and did not."""
    kills = Counter[str]()
    for each in outcomes:
        kills += each.kills
    wanted = {Phase.INSERTED: "between INSERT and COMMIT", Phase.COMMITTED: "between COMMIT and acknowledgement"}
    return [
        f"only {kills[phase.value]} kills {where}, {least} are wanted"
        for phase, where in wanted.items()
        if kills[phase.value] < least
    ]
