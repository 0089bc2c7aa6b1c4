"""Recomputes the books from the sink alone: from the rows, the rejects and the cuts, not from the counts.

Rows carry their batch, so a doubled row, a lost row and a ledger entry without rows are all found. Each check is one
query that returns only what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text

from dcp_pipeline.ledger.transactions import Transactions


class FindingKind(StrEnum):
    """What was found."""

    ROWS = "rows"
    """The table's rows of a batch are not as many as its entry says."""
    STRAY_ROWS = "stray-rows"
    """Rows of a batch that no ledger entry accounts for."""
    DOUBLED = "doubled"
    """Rows of the same identity."""
    REJECTS = "rejects"
    """The rejects kept of a batch are not as many as its entry says."""
    COUNTS = "counts"
    """A batch's counts do not add up to what was read."""
    GAP = "gap"
    """Bytes, records or a sequence number between an object's batches are missing, or there twice."""
    PENDING = "pending"
    DEAD = "dead"
    UNAVAILABLE = "unavailable"


INCOMPLETE = frozenset({FindingKind.PENDING, FindingKind.DEAD, FindingKind.UNAVAILABLE})
"""Findings that say what is missing, and no contradiction."""


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be, and in which object (its uri; '' where none can be told)."""

    uri: str
    kind: FindingKind
    message: str


@dataclass(frozen=True)
class VerifyReport:
    """What was looked at, and what was found."""

    findings: tuple[Finding, ...]
    objects: int
    batches: int
    rows: int
    rejects: int

    @property
    def balanced(self) -> bool:
        """Whether nothing contradicts anything (records may be pending or dead)."""
        return all(finding.kind in INCOMPLETE for finding in self.findings)

    @property
    def complete(self) -> bool:
        """Whether every record that was cut is accounted for."""
        return not self.findings


def verify(engine: Engine, pipeline_key: str, table: str) -> VerifyReport:
    """Check a pipeline's books against the rows of its table. Rows of other pipelines in it do not matter.

    Raises SinkUnavailable, and LedgerError where there is no ledger.
    """
    # One snapshot for all checks, so that workers may go on meanwhile; SQLite's transactions are snapshots anyway.
    if engine.dialect.name != "sqlite":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    return Transactions(engine).read(lambda connection: _verify(connection, pipeline_key, table))


def _verify(connection: Connection, pipeline: str, table: str) -> VerifyReport:
    look = _Look(connection, pipeline, table if inspect(connection).has_table(table) else None)
    checks: tuple[Callable[[_Look], Iterator[Finding]], ...] = (
        _rows,
        _stray_rows,
        _doubled,
        _rejects,
        _counts,
        _gaps,
        _pending_and_dead,
        _unavailable,
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


class _Look:
    """Queries over one snapshot of the database."""

    def __init__(self, connection: Connection, pipeline: str, table: str | None) -> None:
        """`table` is None where it does not stand."""
        self._connection = connection
        self._pipeline = pipeline
        quote = connection.dialect.identifier_preparer.quote_identifier
        self.end, self.read = quote("end"), quote("read")  # words of SQL itself
        self.table = None if table is None else quote(table)
        source = self.table or "(SELECT '' AS _dcp_batch, 0 AS _dcp_record, '' AS _dcp_id FROM dcp_meta WHERE 1 = 0) t"
        self.rows_per_batch = (
            "(SELECT LOWER(HEX(_dcp_batch)) AS id, COUNT(*) AS n, MIN(_dcp_record) AS least, "  # noqa: S608
            f"MAX(_dcp_record) AS most FROM {source} GROUP BY _dcp_batch)"
        )

    def rows(self, query: str) -> Iterator[Any]:
        yield from self._connection.execute(text(query), {"pipeline": self._pipeline})

    def number(self, query: str) -> int:
        return int(self._connection.execute(text(query), {"pipeline": self._pipeline}).scalar_one())


def _rows(look: _Look) -> Iterator[Finding]:
    query = f"""
        SELECT o.uri, b.id, b.kind, b.sequence, b.state, b.written, g.n, g.least, g.most, b.first_record, b.records
        FROM dcp_batches b JOIN dcp_objects o ON o.id = b.object_id
        LEFT JOIN {look.rows_per_batch} g ON g.id = b.id
        WHERE b.pipeline = :pipeline AND (
            COALESCE(g.n, 0) <> CASE WHEN b.state = 'done' THEN COALESCE(b.written, 0) ELSE 0 END
            OR (b.kind = 'cut' AND (g.least < b.first_record OR g.most >= b.first_record + b.records)))
        ORDER BY o.number, b.sequence"""  # noqa: S608
    for row in look.rows(query):
        name = f"{row.kind} {row.sequence} ({row.id}, {row.state})"
        written = int(row.written or 0) if row.state == "done" else 0
        if int(row.n or 0) != written:
            message = f"{name}: {int(row.n or 0)} rows in the table, {written} in the ledger"
        else:
            message = f"{name}: has rows of records {row.least}-{row.most}, which are not all its own"
        yield Finding(row.uri, FindingKind.ROWS, message)


def _stray_rows(look: _Look) -> Iterator[Finding]:
    query = f"""
        SELECT g.id, g.n FROM {look.rows_per_batch} g LEFT JOIN dcp_batches b ON b.id = g.id
        WHERE b.id IS NULL ORDER BY g.id"""  # noqa: S608
    for row in look.rows(query):
        yield Finding("", FindingKind.STRAY_ROWS, f"{row.n} rows of batch {row.id}, which the ledger does not know")


def _doubled(look: _Look) -> Iterator[Finding]:
    if look.table is None:
        return
    query = f"""
        SELECT LOWER(HEX(t._dcp_id)) AS id, COUNT(*) AS n FROM {look.table} t
        GROUP BY t._dcp_id HAVING COUNT(*) > 1 ORDER BY t._dcp_id"""  # noqa: S608
    for row in look.rows(query):
        yield Finding("", FindingKind.DOUBLED, f"{row.n} rows of identity {row.id}")


def _rejects(look: _Look) -> Iterator[Finding]:
    # A replay's entry counts the rejects that came back less those that it took.
    query = """
        SELECT o.uri, b.id, b.kind, b.sequence, b.rejected, COALESCE(kept.n, 0) AS kept, COALESCE(took.n, 0) AS took
        FROM dcp_batches b JOIN dcp_objects o ON o.id = b.object_id
        LEFT JOIN (SELECT batch_id, COUNT(*) AS n FROM dcp_rejects GROUP BY batch_id) kept ON kept.batch_id = b.id
        LEFT JOIN (SELECT replay_batch, COUNT(*) AS n FROM dcp_rejects
                   WHERE state = 'replayed' GROUP BY replay_batch) took ON took.replay_batch = b.id
        WHERE b.pipeline = :pipeline
          AND COALESCE(b.rejected, 0) <> COALESCE(kept.n, 0) - COALESCE(took.n, 0)
        ORDER BY o.number, b.sequence"""
    for row in look.rows(query):
        yield Finding(
            row.uri,
            FindingKind.REJECTS,
            f"{row.kind} {row.sequence} ({row.id}): {row.kept} rejects kept, {row.took} taken by it, "
            f"{row.rejected or 0} in the ledger",
        )


def _counts(look: _Look) -> Iterator[Finding]:
    read = f"b.{look.read}"
    query = f"""
        SELECT o.uri, b.id, b.kind, b.sequence, b.records, {read} AS was_read,
               b.written + b.duplicates + b.rejected + b.filtered AS settled
        FROM dcp_batches b JOIN dcp_objects o ON o.id = b.object_id
        WHERE b.pipeline = :pipeline AND b.state = 'done'
          AND ({read} IS NULL OR {read} <> b.records
               OR COALESCE(b.written + b.duplicates + b.rejected + b.filtered, -1) <> {read})
        ORDER BY o.number, b.sequence"""  # noqa: S608
    for row in look.rows(query):
        yield Finding(
            row.uri,
            FindingKind.COUNTS,
            f"{row.kind} {row.sequence} ({row.id}): {row.records} records cut, {row.was_read} read by the worker, "
            f"{row.settled} accounted for",
        )


def _gaps(look: _Look) -> Iterator[Finding]:
    query = f"""
        SELECT o.id, o.uri, o.header_end, b.sequence, b.start, b.{look.end} AS stop, b.first_record, b.records
        FROM dcp_batches b JOIN dcp_objects o ON o.id = b.object_id
        WHERE b.pipeline = :pipeline AND b.kind = 'cut' ORDER BY o.number, b.sequence"""  # noqa: S608
    before: Any = None
    for row in look.rows(query):
        first = before is None or before.id != row.id
        expected = (None, row.header_end, 1) if first else _after(before)
        yield from _gap(row, *expected)
        before = row


def _after(row: Any) -> tuple[int, int, int]:
    return row.sequence + 1, row.stop, row.first_record + row.records


def _gap(row: Any, sequence: int | None, start: int, record: int) -> Iterator[Finding]:
    if sequence is not None and row.sequence != sequence:
        yield Finding(row.uri, FindingKind.GAP, f"cut {sequence} is missing before cut {row.sequence}")
    if row.start != start:
        kind = "are missing" if row.start > start else "are there twice"
        low, high = sorted((row.start, start))
        yield Finding(row.uri, FindingKind.GAP, f"bytes {low}-{high} {kind} before cut {row.sequence}")
    elif row.first_record != record:
        message = f"cut {row.sequence} starts at record {row.first_record}, not at {record}"
        yield Finding(row.uri, FindingKind.GAP, message)


def _pending_and_dead(look: _Look) -> Iterator[Finding]:
    query = f"""
        SELECT o.uri, b.sequence, b.start, b.{look.end} AS stop, b.records, b.state, b.reason
        FROM dcp_batches b JOIN dcp_objects o ON o.id = b.object_id
        WHERE b.pipeline = :pipeline AND b.state <> 'done' ORDER BY o.number, b.sequence"""  # noqa: S608
    for row in look.rows(query):
        kind = FindingKind.DEAD if row.state == "dead" else FindingKind.PENDING
        because = f": {row.reason}" if row.reason else ""
        where = f"cut {row.sequence}, bytes {row.start}-{row.stop}"
        yield Finding(row.uri, kind, f"{row.records} records ({where}) are {row.state}{because}")


def _unavailable(look: _Look) -> Iterator[Finding]:
    query = """
        SELECT uri, state, reason FROM dcp_objects
        WHERE pipeline = :pipeline AND state <> 'cut' ORDER BY number"""
    for row in look.rows(query):
        if row.state == "unavailable":
            yield Finding(row.uri, FindingKind.UNAVAILABLE, row.reason or "no longer served")
        else:
            yield Finding(row.uri, FindingKind.PENDING, "its bytes are not all read yet")
