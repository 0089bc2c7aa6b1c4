"""What an overview is of objects that are all at hand: summed up one by one, beside what the database sums up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dcp_pipeline.ledger.looking.overview import LATEST, Overview, Totals
from dcp_pipeline.ledger.model import ObjectBooks, ObjectState
from dcp_pipeline.spec.wanted_labels import remark_in

COUNTS = ("read", "written", "duplicates", "rejected", "filtered", "dead", "pending", "batches")


def overview_of(objects: Sequence[ObjectBooks]) -> Overview:
    """Of these objects."""
    states = Counter(each.state for each in objects)
    totals = Totals(
        **{name: sum(getattr(each, name) for each in objects) for name in COUNTS},
        objects={state: states[state] for state in ObjectState},
        remarked=sum(bool(remark_in(each.reason)) for each in objects),
        gaps=sum(not each.whole for each in objects),
        uneven=sum(each.whole and not each.consistent for each in objects),
        unsettled=sum(bool(each.dead + each.pending) for each in objects),
    )
    return Overview(
        totals=totals,
        latest=tuple(objects[-LATEST:]),
        wrong=tuple(each for each in objects if not each.consistent or each.state is ObjectState.UNAVAILABLE),
        unsettled=tuple(each for each in objects if each.dead + each.pending),
    )
