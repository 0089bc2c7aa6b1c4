"""Rejects cleaned once more to be looked at: nothing is written, neither rows nor states. replay.py is the real one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

import msgspec
from msgspec.structs import replace

from dcp_pipeline.ledger import LedgerError
from dcp_pipeline.ledger.model import SourceObject, StoredReject
from dcp_pipeline.setup import Setup
from dcp_pipeline.spec.model import Format
from dcp_worker.clean.outside import Reachable
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.clean.preview import PreviewRecord, clean_preview
from dcp_worker.enrich import Enrichers
from dcp_worker.sink.replaying.again import batch_of, readable_alone


class TrialPlan(msgspec.Struct, frozen=True):
    """How an object's rejects would be cleaned now."""

    plan: CleaningPlan
    format: Format
    revision: str


Outcome = tuple[StoredReject, PreviewRecord | None]
"""A reject, and what would become of it; None: it cannot be read alone."""


def trier(setup: Setup) -> Callable[[Sequence[tuple[StoredReject, SourceObject]]], list[Outcome]]:
    """What a replay would make of some rejects, by the spec as it is now; the database is not asked."""
    enrichers = Enrichers(setup.located, setup.state_folder / "geoip")
    outside = Reachable(setup.secrets, setup.located)

    def plan_of(source: SourceObject) -> TrialPlan:
        named = next((each for each in setup.pipeline.spec.sources if each.name == source.source), None)
        if named is None:
            raise LedgerError(f"{source.uri} came from source {source.source!r}, which the spec has no more")
        cleaning = setup.pipeline.spec.cleaning
        plan = CleaningPlan.compile(cleaning, named.format, enrichers=enrichers.of(cleaning), outside=outside)
        return TrialPlan(plan, named.format, "trial")

    return lambda rejects: try_again(rejects, plan_of)


def try_again(
    rejects: Sequence[tuple[StoredReject, SourceObject]], plan_of: Callable[[SourceObject], TrialPlan]
) -> list[Outcome]:
    """What would become of each, in the order given; None: it cannot be read alone. Rows that the table has already are
    not told apart."""
    tried: list[Outcome] = []
    for (_, header), group in groupby(rejects, key=lambda each: (each[0].object_id, each[0].header)):
        some = list(group)
        source = replace(some[0][1], header=header or some[0][1].header)
        plan = plan_of(source)
        readable = [each for each, _ in some if readable_alone(each, plan.format)]
        becomes: dict[tuple[str, int], PreviewRecord] = {}
        if readable:
            shown = clean_preview(plan.plan, batch_of(source, readable, plan.revision, 1), len(readable))
            becomes = {(each.batch_id, each.record): one for each, one in zip(readable, shown, strict=False)}
        tried.extend((each, becomes.get((each.batch_id, each.record))) for each, _ in some)
    return tried
