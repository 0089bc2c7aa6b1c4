"""Schedules with one fault each, and the table that they give: docs/faults.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from chaos.faults.fault import Fault
from chaos.faults.table import FAULTS
from chaos.outcome import Outcome
from chaos.plan import (
    FETCHER,
    FETCHER_PHASES,
    HOUR_SECONDS,
    WORKER_PHASES,
    WORKERS,
    Arrival,
    Doom,
    How,
    Life,
    Plan,
    Role,
    Strike,
)
from dcp_pipeline.observe.phases import Phase

STRIKES_AT_SECONDS = 2.0
FILES, RECORDS, FILE_EVERY_SECONDS = 8, 500, 0.7
STOPPED_SECONDS = 4.0
"""Twice the lease."""

_KILLED = {
    Phase.FETCHING: "what was not recorded yet is read again",
    Phase.CUT: "recorded and not queued: the next fetcher finds it missing and queues it",
    Phase.ENQUEUED: "the next fetcher reads on behind the last recorded cut",
    Phase.CLAIMED: "the batch goes to another worker when its lease (2 s) has run out",
    Phase.CLEANED: "the same; nothing was written",
    Phase.INSERTED: "the server rolls the transaction back; the batch goes to another worker after the lease",
    Phase.COMMITTED: "the batch comes again, finds itself done in the ledger, and is acknowledged without effect",
    Phase.ACKNOWLEDGED: "nothing is left to be done",
}
_STOPPED = "its batch goes to another worker; when it wakes after twice the lease, ledger and token refuse its work"
_WITHDRAWN = (
    "the feed takes each file away once it is cut, and a worker dies before its COMMIT: its batch is in the queue"
)


@dataclass(frozen=True)
class Case:
    """A fault on its own: a row of the table, which several plans may fill."""

    name: str
    meanwhile: str
    plans: tuple[Plan, ...]


def cases() -> list[Case]:
    """All faults, each on its own."""
    calm = Case("(none)", "", (_calm("calm"),))
    return [calm, *_process_cases(), *(_struck_case(each) for each in FAULTS)]


def plan_named(label: str) -> Plan:
    """One plan of the table. Raises KeyError."""
    return {plan.label: plan for case in cases() for plan in case.plans}[label]


def _calm(label: str) -> Plan:
    """Data that flows for some seconds, and no fault."""
    arrivals = tuple(
        Arrival(round(number * FILE_EVERY_SECONDS, 1), f"2026-10-{number + 1:02d}.csv", RECORDS, 1000 + number, False)
        for number in range(FILES)
    )
    roles = tuple(Role(name) for name in (FETCHER, *WORKERS))
    return Plan(0, arrivals, (), roles, 50, concurrency=1, max_queue_bytes=1 << 20, withdraws=False, label=label)


def _struck_case(fault: Fault) -> Case:
    """In the middle the fault strikes, for as long as it does at most; on each of its targets, but one worker is
    like the other."""
    targets = fault.targets[:1] if fault.targets[0] in WORKERS else fault.targets
    plans = []
    for target in targets:
        strike = Strike(STRIKES_AT_SECONDS, fault.name, target, fault.seconds[1], draw=0.55)
        plans.append(replace(_calm(f"{fault.name}-{target}"), strikes=(strike,)))
    return Case(fault.name, fault.meanwhile, tuple(plans))


def _process_cases() -> Iterable[Case]:
    for role, phases in ((FETCHER, FETCHER_PHASES), (WORKERS[0], WORKER_PHASES)):
        for phase in phases:
            yield _doomed(role, f"{role.split('-')[0]}-killed-at-{phase}", _KILLED[phase], Doom(phase, 3))
    for phase in (Phase.CLEANED, Phase.INSERTED, Phase.COMMITTED):
        doom = Doom(phase, 3, How.STOP, STOPPED_SECONDS)
        yield _doomed(WORKERS[0], f"worker-stopped-at-{phase}", _STOPPED, doom)
    doom = Doom(Phase.CLEANED, 3, How.DAWDLE, STOPPED_SECONDS)
    yield _doomed(WORKERS[0], "batch-takes-twice-its-lease", "its lease is renewed", doom)
    case = _doomed(WORKERS[0], "feed-withdraws", _WITHDRAWN, Doom(Phase.INSERTED, 3))
    yield replace(case, plans=tuple(replace(plan, withdraws=True) for plan in case.plans))
    plan = _calm("clocks-skewed")
    skews = (HOUR_SECONDS, -HOUR_SECONDS, HOUR_SECONDS, 0)
    roles = tuple(replace(role, lives=(Life(None, skew),)) for role, skew in zip(plan.roles, skews, strict=True))
    yield Case("clocks-skewed", "nothing: leases and retries go by Redis' clock", (replace(plan, roles=roles),))


def _doomed(name: str, label: str, meanwhile: str, doom: Doom) -> Case:
    plan = _calm(label)
    roles = tuple(replace(role, lives=(Life(doom),)) if role.name == name else role for role in plan.roles)
    return Case(label, meanwhile, (replace(plan, roles=roles),))


def row(case: Case, outcomes: Sequence[Outcome]) -> str:
    """A row of the table of docs/faults.md."""
    lost, doubled = sum(each.verdict.lost for each in outcomes), sum(each.verdict.doubled for each in outcomes)
    recovered = _span([each.recovery_seconds for each in outcomes], ".1f")
    again = _span([each.repeated for each in outcomes], "d")
    return f"| `{case.name}` | {case.meanwhile} | {recovered} | {again} | {lost} | {doubled} |"


def with_rows(document: str, rows: Mapping[str, str]) -> str:
    """The document with these rows, by the names of their cases, in its table; the others stay. In the cases' order."""
    lines = document.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("|---")) + 1
    last = next(number for number in range(first, len(lines)) if not lines[number].startswith("|"))
    standing = {line.split("`")[1]: line for line in lines[first:last]} | rows
    ordered = [standing[case.name] for case in cases() if case.name in standing]
    return "\n".join([*lines[:first], *ordered, *lines[last:]]) + "\n"


def _span(figures: Sequence[float], style: str) -> str:
    low, high = format(min(figures), style), format(max(figures), style)
    return low if low == high else f"{low}-{high}"
