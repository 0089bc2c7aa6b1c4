"""Recomputes the books from the sink alone: from the rows, the rejects and the cuts, not from the counts.

Rows carry their batch, so a doubled row, a lost row and a ledger entry without rows are all found. Each check is one
query that returns only what is wrong: rows.py and cuts.py hold them. All of a pipeline is looked at by pages, pages.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection, Engine, bindparam, inspect, select, text

from dcp_pipeline.database.columns import Moment, utc_now
from dcp_pipeline.database.rooms import dialect_of
from dcp_pipeline.database.transactions import Transactions
from dcp_pipeline.verify.cuts import counts, digests, gaps, pending_and_dead, stray_batches, unavailable
from dcp_pipeline.verify.findings import Finding, VerifyReport
from dcp_pipeline.verify.look import Look, Range
from dcp_pipeline.verify.pages import (
    OBJECTS_AT_ONCE,
    PARTS,
    Page,
    Part,
    Passed,
    Tell,
    next_page,
    objects_of,
    passed_with,
    untold,
)
from dcp_pipeline.verify.rows import doubled, rejects, rows, rows_and_rejects, stray_rejects, stray_rows
from dcp_pipeline.verify.totals import totals


def verify(
    engine: Engine,
    pipeline_key: str,
    table: str,
    since_seconds: float | None = None,
    passed: Passed | None = None,
    tell: Tell = untold,
) -> VerifyReport:
    """Check a pipeline's books against the rows of its table. Rows of other pipelines in it do not matter.

    `since_seconds`: only those of the objects of which something was settled in the last so long, or is not settled.
    What is of no object that the ledger knows is not looked for then. Otherwise `tell` is told of each page (pages.py),
    and a verify goes on behind what another one has `passed`.

    Raises SinkUnavailable, and LedgerError where there is no ledger.
    """
    # One snapshot for what belongs together, so that workers may go on meanwhile.
    transactions = Transactions(dialect_of(engine).snapshot(engine))
    if since_seconds is not None:
        return transactions.read(lambda connection: _of_late(connection, pipeline_key, table, since_seconds))
    return _Whole(transactions, pipeline_key, table, tell).run(passed or Passed())


class _Whole:
    """All of a pipeline's books, a page at a time."""

    def __init__(self, transactions: Transactions, pipeline: str, table: str, tell: Tell) -> None:
        self._transactions, self._pipeline, self._table, self._tell = transactions, pipeline, table, tell
        self._passed, self._found = Passed(), _NOTHING
        """What was looked at where nothing was found, and where something was."""

    def run(self, before: Passed) -> VerifyReport:
        """Behind what was passed before; what was found there is looked at again."""
        self._passed = before
        for page in before.again:
            self._look(lambda *_, page=page: page, again=True)
        for part in PARTS[PARTS.index(before.part) :]:
            after: str | None = before.upto if part is before.part else ""
            while after is not None:
                after = self._look(partial(self._behind, part, after)).upto
        looked_at = self._passed
        return self._found + VerifyReport((), looked_at.objects, looked_at.batches, looked_at.rows, looked_at.rejects)

    def _behind(self, part: Part, after: str, connection: Connection, standing: str | None) -> Page:
        return next_page(connection, self._pipeline, standing, part, after)

    def _look(self, which: Callable[[Connection, str | None], Page], again: bool = False) -> Page:
        """`which`: the page, by the connection and the table, None where it does not stand."""
        page, report = self._transactions.read(lambda each: self._page(each, which))
        self._passed = passed_with(self._passed, page, report, again)
        if report.findings:
            self._found += report
        self._tell(page, self._passed)
        return page

    def _page(
        self, connection: Connection, which: Callable[[Connection, str | None], Page]
    ) -> tuple[Page, VerifyReport]:
        standing = _standing(connection, self._table)
        page = which(connection, standing)
        return page, _checked(connection, self._pipeline, standing, page)


def _checked(connection: Connection, pipeline: str, standing: str | None, page: Page) -> VerifyReport:
    match page.part:
        case Part.ROWS:
            look = Look(connection, pipeline, standing, batches=Range(page.after, page.upto))
            return VerifyReport(_findings(look, _OF_ROWS), 0, _batches(look), _rows(look), 0)
        case Part.IDENTITIES:
            look = Look(connection, pipeline, standing, identities=Range(page.after, page.upto))
            return VerifyReport(_findings(look, (doubled,)), 0, 0, 0, 0)
        case Part.OBJECTS:
            objects = objects_of(connection, pipeline, page)
            look = Look(connection, pipeline, standing, objects)
            return VerifyReport(_findings(look, _OF_CUTS), len(objects), 0, 0, _rejects(look))
        case _:
            return VerifyReport(_findings(Look(connection, pipeline, standing), _OF_ALL), 0, 0, 0, 0)


def _of_late(connection: Connection, pipeline: str, table: str, since_seconds: float) -> VerifyReport:
    standing = _standing(connection, table)
    changed = _changed(connection, pipeline, since_seconds)
    report = _NOTHING
    for start in range(0, len(changed), OBJECTS_AT_ONCE):
        objects = changed[start : start + OBJECTS_AT_ONCE]
        look = Look(connection, pipeline, standing, objects)
        findings = _findings(look, _OF_OBJECTS)
        report += VerifyReport(findings, len(objects), _batches(look), _rows(look), _rejects(look))
    return report


def _standing(connection: Connection, table: str) -> str | None:
    """The table; None where it does not stand, or has not our columns: one of somebody else's, that no worker could
    begin with, has none."""
    look = inspect(connection)
    ours = look.has_table(table) and any(each["name"] == "_dcp_batch" for each in look.get_columns(table))
    return table if ours else None


_Check = Callable[[Look], Iterator[Finding]]
_OF_ROWS: tuple[_Check, ...] = (rows, stray_rows)
_OF_CUTS: tuple[_Check, ...] = (rejects, rows_and_rejects, counts, gaps, digests, pending_and_dead, unavailable)
_OF_OBJECTS: tuple[_Check, ...] = (rows, doubled, stray_rejects, *_OF_CUTS)
_OF_ALL: tuple[_Check, ...] = (stray_rejects, stray_batches, totals)
_NOTHING = VerifyReport((), 0, 0, 0, 0)


def _changed(connection: Connection, pipeline: str, since_seconds: float) -> list[str]:
    """The objects of which something was settled since then, or is still to be, or cannot be."""
    now = connection.execute(select(utc_now())).scalar_one()
    query = text(
        "SELECT object_id AS id FROM dcp_batches WHERE pipeline = :pipeline AND settled_at >= :since "
        "UNION SELECT object_id FROM dcp_batches WHERE pipeline = :pipeline AND state IN ('cut', 'dead') "
        "UNION SELECT id FROM dcp_objects WHERE pipeline = :pipeline AND state IN ('cutting', 'unavailable')"
    ).bindparams(bindparam("since", type_=Moment()))
    since = now - timedelta(seconds=since_seconds)
    return list(connection.execute(query, {"pipeline": pipeline, "since": since}).scalars())


def _findings(look: Look, checks: tuple[_Check, ...]) -> tuple[Finding, ...]:
    return tuple(finding for check in checks for finding in check(look))


def _batches(look: Look) -> int:
    return look.number(f"SELECT COUNT(*) FROM dcp_batches b WHERE {look.those('b.object_id')}")  # noqa: S608


def _rows(look: Look) -> int:
    return look.number(
        f"SELECT COALESCE(SUM(g.n), 0) FROM {look.rows_per_batch} g "  # noqa: S608
        f"JOIN dcp_batches b ON b.id = g.id WHERE {look.those('b.object_id')}"
    )


def _rejects(look: Look) -> int:
    return look.number(
        "SELECT COUNT(*) FROM dcp_rejects r JOIN dcp_batches b ON b.id = r.batch_id "  # noqa: S608
        f"WHERE {look.those('b.object_id')} AND r.state = 'open'"
    )
