"""dcp_records_total{outcome}."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from dcp_pipeline.ledger.model import Counts
from dcp_pipeline.observe.metrics.metric import Metric

_OUTCOMES = ("read", "written", "duplicates", "rejected", "filtered")


class Records(Metric):
    """What became of records."""

    def __init__(self, registry: CollectorRegistry, pipeline: str) -> None:
        counter = Counter(
            "dcp_records", "Records settled, by what became of them.", ["pipeline", "outcome"], registry=registry
        )
        self._counters = {outcome: counter.labels(pipeline, outcome) for outcome in _OUTCOMES}

    def settled(self, counts: Counts) -> None:
        for outcome, counter in self._counters.items():
            counter.inc(getattr(counts, outcome))


METRIC = Records
