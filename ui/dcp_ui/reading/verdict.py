"""How a pipeline is, in one word, and what a person has to look at. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

import msgspec

from dcp_pipeline.ledger.looking.overview import Totals
from dcp_pipeline.ledger.model import ObjectState
from dcp_ui.reading.snapshot import Snapshot

_NAMED = 3
_UNAVAILABLE = "objects?state=unavailable"
EXPECTED = {
    "newDataWithin": ("Source {source} has gone quiet", "freshness"),
    "records": ("Fewer records come than are expected", "freshness"),
    "unusual": ("Source {source} is not as in the weeks before", "freshness"),
    "maxRejected": ("More is rejected than is expected", "rejects"),
}
"""What is said where one is not met, and which page shows it."""


class Level(IntEnum):
    """Worst first."""

    BAD = 0
    """Work cannot be done, or the books do not balance."""
    WARN = 1
    """Something waits for a person."""
    WORKING = 2
    IDLE = 3
    """Nothing waits."""
    UNKNOWN = 4
    """Nothing has run yet, or it is being looked at."""

    @property
    def word(self) -> str:
        """For people."""
        return {0: "trouble", 1: "look here", 2: "working", 3: "idle", 4: "not seen yet"}[self.value]


class Remark(msgspec.Struct, frozen=True):
    """One thing to look at. `page`: where on the page it is seen to; empty: nowhere."""

    level: Level
    text: str
    values: dict[str, str | int] = {}
    detail: str = ""
    """What a server or the ledger said, as it was said."""
    page: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """The worst of the remarks, or what goes on."""

    level: Level
    remarks: tuple[Remark, ...] = ()


def books_said(totals: Totals) -> str:
    """Whether the books balance, as `dcp status` and `dcp verify` have it."""
    if totals.complete:
        return "The books balance."
    if not totals.consistent:
        return "The books do not balance: run dcp verify"
    if totals.dead or totals.in_state(ObjectState.UNAVAILABLE):
        return "The books do not balance: all is counted, but records are held or dead, or objects could not be read."
    return "The books balance so far; some records are pending."


def judge(seen: Snapshot | None) -> Verdict:
    """How the pipeline is."""
    if seen is None:
        return Verdict(Level.UNKNOWN)
    remarks = tuple(sorted(_remarks(seen), key=lambda each: each.level))
    if remarks:
        return Verdict(remarks[0].level, remarks)
    if seen.ledger is None:
        return Verdict(Level.UNKNOWN)
    backlog = seen.queue.stats.backlog if seen.queue else 0
    return Verdict(Level.WORKING if backlog or seen.ledger.totals.pending else Level.IDLE)


def _remarks(seen: Snapshot) -> Iterator[Remark]:
    if seen.ledger_trouble and not seen.ledger_absent:
        yield Remark(Level.BAD, "The database does not answer", detail=seen.ledger_trouble)
    if seen.queue_trouble and not seen.queue_absent:
        yield Remark(Level.BAD, "The queue does not answer", detail=seen.queue_trouble)
    if seen.queue is not None:
        yield from _reported(seen)
    if seen.ledger is not None:
        yield from _counted(seen)


def _reported(seen: Snapshot) -> Iterator[Remark]:
    assert seen.queue is not None
    told: set[str] = set()
    for report in seen.queue.reports.values():
        if report.sink and report.sink not in told:
            told.add(report.sink)
            yield Remark(Level.BAD, "The sink is not available", detail=report.sink)
        for source, problem in report.sources.items():
            if problem:
                yield Remark(Level.BAD, "Source {source} cannot be read", {"source": source}, problem)
        for source, remark in report.labels.items():
            if remark:
                yield Remark(Level.WARN, "The labels of {source} have changed", {"source": source}, remark, "objects")
    if seen.queue.stats.ready and not seen.queue.workers:
        yield Remark(
            Level.WARN, "No worker is alive, and batches wait: {n}", {"n": seen.queue.stats.ready}, page="scaling"
        )


def _counted(seen: Snapshot) -> Iterator[Remark]:
    assert seen.ledger is not None
    totals = seen.ledger.totals
    if not totals.consistent:
        yield Remark(Level.BAD, "The books do not balance: run dcp verify", page="objects")
    held = seen.ledger.held
    if dead := totals.dead - sum(each.records for each in held):
        yield Remark(Level.WARN, "Records in dead batches: {n}", {"n": dead}, page="dead")
    if held:
        told = "; ".join(f"{each.uri}: {each.reason}" for each in held[:_NAMED])
        yield Remark(Level.WARN, "Objects that are held for a person: {n}", {"n": len(held)}, told, "dead")
    for each in seen.ledger.expected:
        if not each.met and not (held and each.about == "maxRejected"):  # which says the same
            kind, _, source = each.about.partition("/")
            text, page = EXPECTED[kind]
            yield Remark(Level.WARN, text, {"source": source}, each.reason, page)
    if unavailable := totals.in_state(ObjectState.UNAVAILABLE):
        yield Remark(
            Level.WARN,
            "Objects that could not be read whole: {n}",
            {"n": unavailable},
            page=_UNAVAILABLE,
        )
