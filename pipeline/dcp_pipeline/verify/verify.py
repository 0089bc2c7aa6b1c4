"""Recomputes the books from the sink alone: from the rows, the rejects and the cuts, not from the counts.

Rows carry their batch, so a doubled row, a lost row and a ledger entry without rows are all found. Each check is one
query that returns only what is wrong: rows.py and cuts.py hold them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import Connection, Engine, inspect

from dcp_pipeline.database.rooms import dialect_of
from dcp_pipeline.database.transactions import Transactions
from dcp_pipeline.verify.cuts import counts, digests, gaps, pending_and_dead, stray_batches, unavailable
from dcp_pipeline.verify.findings import Finding, VerifyReport
from dcp_pipeline.verify.look import Look
from dcp_pipeline.verify.rows import doubled, rejects, rows, rows_and_rejects, stray_rejects, stray_rows


def verify(engine: Engine, pipeline_key: str, table: str) -> VerifyReport:
    """Check a pipeline's books against the rows of its table. Rows of other pipelines in it do not matter.

    Raises SinkUnavailable, and LedgerError where there is no ledger.
    """
    # One snapshot for all checks, so that workers may go on meanwhile.
    snapshot = dialect_of(engine).snapshot(engine)
    return Transactions(snapshot).read(lambda connection: _verify(connection, pipeline_key, table))


def _verify(connection: Connection, pipeline: str, table: str) -> VerifyReport:
    look = Look(connection, pipeline, table if inspect(connection).has_table(table) else None)
    checks: tuple[Callable[[Look], Iterator[Finding]], ...] = (
        rows,
        stray_rows,
        doubled,
        rejects,
        stray_rejects,
        rows_and_rejects,
        counts,
        gaps,
        digests,
        stray_batches,
        pending_and_dead,
        unavailable,
    )
    findings = tuple(finding for check in checks for finding in check(look))
    return VerifyReport(
        findings=findings,
        objects=look.number("SELECT COUNT(*) FROM dcp_objects WHERE pipeline = :pipeline"),
        batches=look.number("SELECT COUNT(*) FROM dcp_batches WHERE pipeline = :pipeline"),
        rows=look.number(
            f"SELECT COALESCE(SUM(g.n), 0) FROM {look.rows_per_batch} g "  # noqa: S608
            "JOIN dcp_batches b ON b.id = g.id WHERE b.pipeline = :pipeline"
        ),
        rejects=look.number(
            "SELECT COUNT(*) FROM dcp_rejects r JOIN dcp_batches b ON b.id = r.batch_id "
            "WHERE b.pipeline = :pipeline AND r.state = 'open'"
        ),
    )
