"""Recomputes the books from the sink alone: from the rows, the rejects and the cuts, not from the counts.

Rows carry their batch, so a doubled row, a lost row and a ledger entry without rows are all found. Each check is one
query that returns only what is wrong: rows.py and cuts.py hold them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from sqlalchemy import Connection, Engine, bindparam, inspect, select, text

from dcp_pipeline.database.columns import Moment, utc_now
from dcp_pipeline.database.rooms import dialect_of
from dcp_pipeline.database.transactions import Transactions
from dcp_pipeline.verify.cuts import counts, digests, gaps, pending_and_dead, stray_batches, unavailable
from dcp_pipeline.verify.findings import Finding, VerifyReport
from dcp_pipeline.verify.look import Look
from dcp_pipeline.verify.rows import doubled, rejects, rows, rows_and_rejects, stray_rejects, stray_rows
from dcp_pipeline.verify.totals import totals


def verify(engine: Engine, pipeline_key: str, table: str, since_seconds: float | None = None) -> VerifyReport:
    """Check a pipeline's books against the rows of its table. Rows of other pipelines in it do not matter.

    `since_seconds`: only those of the objects of which something was settled in the last so long, or is not settled.
    What is of no object that the ledger knows is not looked for then.

    Raises SinkUnavailable, and LedgerError where there is no ledger.
    """
    # One snapshot for all checks, so that workers may go on meanwhile.
    snapshot = dialect_of(engine).snapshot(engine)
    return Transactions(snapshot).read(lambda connection: _verify(connection, pipeline_key, table, since_seconds))


def _verify(connection: Connection, pipeline: str, table: str, since_seconds: float | None) -> VerifyReport:
    standing = table if _is_written_to(connection, table) else None
    if since_seconds is None:
        return _checked(Look(connection, pipeline, standing), (*_OF_OBJECTS, *_OF_ALL))
    changed = _changed(connection, pipeline, since_seconds)
    report = VerifyReport((), 0, 0, 0, 0)
    for start in range(0, len(changed), _OBJECTS_AT_ONCE):
        look = Look(connection, pipeline, standing, changed[start : start + _OBJECTS_AT_ONCE])
        report += _checked(look, _OF_OBJECTS)
    return report


def _is_written_to(connection: Connection, table: str) -> bool:
    """Whether it stands, and has our columns: one of somebody else's, that no worker could begin with, has none."""
    look = inspect(connection)
    return look.has_table(table) and any(each["name"] == "_dcp_batch" for each in look.get_columns(table))


_OBJECTS_AT_ONCE = 2000
_Check = Callable[[Look], Iterator[Finding]]
_OF_OBJECTS: tuple[_Check, ...] = (
    rows,
    doubled,
    rejects,
    stray_rejects,
    rows_and_rejects,
    counts,
    gaps,
    digests,
    pending_and_dead,
    unavailable,
)
_OF_ALL: tuple[_Check, ...] = (stray_rows, stray_batches, totals)


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


def _checked(look: Look, checks: tuple[_Check, ...]) -> VerifyReport:
    batch_of_ours = look.those("b.object_id")
    return VerifyReport(
        findings=tuple(finding for check in checks for finding in check(look)),
        objects=look.number(f"SELECT COUNT(*) FROM dcp_objects WHERE {look.those('id', 'pipeline')}"),  # noqa: S608
        batches=look.number(f"SELECT COUNT(*) FROM dcp_batches b WHERE {batch_of_ours}"),  # noqa: S608
        rows=look.number(
            f"SELECT COALESCE(SUM(g.n), 0) FROM {look.rows_per_batch} g "  # noqa: S608
            f"JOIN dcp_batches b ON b.id = g.id WHERE {batch_of_ours}"
        ),
        rejects=look.number(
            "SELECT COUNT(*) FROM dcp_rejects r JOIN dcp_batches b ON b.id = r.batch_id "  # noqa: S608
            f"WHERE {batch_of_ours} AND r.state = 'open'"
        ),
    )
