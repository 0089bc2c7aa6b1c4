"""A pipeline's ledger, to look at: for the page. Nothing is changed. ledger.py is the side that works."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from dcp_pipeline.database.transactions import Patience, Transactions
from dcp_pipeline.ledger import tasks
from dcp_pipeline.ledger.holding import HeldObject, held_objects
from dcp_pipeline.ledger.looking import over_time, overview, pages
from dcp_pipeline.ledger.looking.expectations import Verdict, expectations
from dcp_pipeline.ledger.looking.over_time import Flow, RejectsAt, Step
from dcp_pipeline.ledger.looking.overview import Totals
from dcp_pipeline.ledger.looking.pages import DatedReject, ObjectsPage, RejectGroup, RejectKey
from dcp_pipeline.ledger.model import ObjectState, RejectFilter
from dcp_pipeline.ledger.schema import check_schema
from dcp_pipeline.spec.model import Spec

_ONCE_MORE = Patience(attempts=2, lost_attempts=2)
"""Somebody waits for the answer, and can ask again."""


class LedgerView:
    """What stands in the database about a pipeline. Every method may raise SinkUnavailable."""

    def __init__(self, engine: Engine, pipeline_key: str) -> None:
        self.engine = engine
        self.pipeline = pipeline_key
        self._transactions = Transactions(engine, _ONCE_MORE)

    def check(self) -> None:
        """Raises LedgerVersion where there are no tables, or those of another release."""
        check_schema(self.engine)

    def now(self) -> datetime:
        """The database's clock: UTC, without zone."""
        return self._transactions.read(lambda each: tasks.seconds_ago(each, 0))

    def totals(self) -> Totals:
        """The books over all objects; it costs what is not counted yet."""
        return self._transactions.read(lambda each: overview.totals(each, self.pipeline))

    def number_of(self, object_id: str) -> int | None:
        """An object's place in the order of arrival; None where it is not known."""
        return self._transactions.read(lambda each: overview.number_of(each, self.pipeline, object_id))

    def objects_named(self, beginning: str, most: int = 2) -> list[str]:
        """The ids that begin so, `most` of them."""
        return self._transactions.read(lambda each: overview.objects_named(each, self.pipeline, beginning, most))

    def last_settled(self) -> datetime | None:
        """When a batch was settled last."""
        return self._transactions.read(lambda each: pages.last_settled(each, self.pipeline))

    def expectations(self, spec: Spec) -> tuple[Verdict, ...]:
        """Whether what the spec expects is met."""
        sources = [each.name for each in spec.sources]
        return self._transactions.read(lambda each: expectations(each, self.pipeline, spec.expect, sources))

    def held(self) -> tuple[HeldObject, ...]:
        """What waits for a person, since too much of it is rejected."""
        return self._transactions.read(lambda each: held_objects(each, self.pipeline))

    def objects_page(
        self,
        *,
        older_than: int | None = None,
        newer_than: int | None = None,
        state: ObjectState | None = None,
        source: str | None = None,
        limit: int = 50,
    ) -> ObjectsPage:
        """A page of objects with their books, newest first."""
        return self._transactions.read(
            lambda each: pages.objects_page(
                each,
                self.pipeline,
                older_than=older_than,
                newer_than=newer_than,
                state=state,
                source=source,
                limit=limit,
            )
        )

    def flow(self, since: datetime, step: Step, by_source: bool = False) -> list[Flow]:
        """What was settled since a moment, by step. It reads an entry of every batch since then."""
        return self._transactions.read(lambda each: over_time.flow(each, self.pipeline, since, step, by_source))

    def arrivals(self, since: datetime) -> list[tuple[datetime, int]]:
        """How many batches were cut in each minute since a moment, of those that are settled."""
        return self._transactions.read(lambda each: over_time.arrivals(each, self.pipeline, since))

    def rejects_over_time(self, since: datetime, step: Step) -> list[RejectsAt]:
        """Open rejects since a moment, by step, code and field."""
        return self._transactions.read(lambda each: over_time.rejects_over_time(each, self.pipeline, since, step))

    def reject_groups(self) -> list[RejectGroup]:
        """Open rejects by code and field, most first."""
        return self._transactions.read(lambda each: pages.reject_groups(each, self.pipeline))

    def rejects_page(self, wanted: RejectFilter, after: RejectKey | None = None, limit: int = 20) -> list[DatedReject]:
        """A page of rejects, the latest first."""
        return self._transactions.read(lambda each: pages.rejects_page(each, self.pipeline, wanted, after, limit))
