"""Verify's checks of objects and cuts: nothing missing in between, nothing twice, every count explained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dcp_pipeline.batch import batch_id, object_id
from dcp_pipeline.verify.findings import Finding, FindingKind
from dcp_pipeline.verify.look import Look


def counts(look: Look) -> Iterator[Finding]:
    read = f"b.{look.read}"
    query = f"""
        SELECT o.uri, b.id, b.kind, b.sequence, b.records, {read} AS was_read,
               b.written + b.duplicates + b.rejected + b.filtered AS settled
        FROM dcp_batches b JOIN dcp_objects o ON o.id = b.object_id
        WHERE {look.those("b.object_id")} AND b.state = 'done'
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


def gaps(look: Look) -> Iterator[Finding]:
    query = f"""
        SELECT o.id, o.uri, o.header_end, b.sequence, b.start, b.{look.end} AS stop, b.first_record, b.records
        FROM dcp_batches b JOIN dcp_objects o ON o.id = b.object_id
        WHERE {look.those("b.object_id")} AND b.kind = 'cut' ORDER BY o.number, b.sequence"""  # noqa: S608
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


def digests(look: Look) -> Iterator[Finding]:
    """A cut's id is made of its object, range and digest, an object's of its uri and version."""
    query = f"""
        SELECT o.uri, o.source, b.id, b.object_id, b.sequence, b.start, b.{look.end} AS stop, b.digest
        FROM dcp_batches b JOIN dcp_objects o ON o.id = b.object_id
        WHERE {look.those("b.object_id")} AND b.kind = 'cut' ORDER BY o.number, b.sequence"""  # noqa: S608
    for row in look.rows(query):
        if row.id != batch_id(look.pipeline, row.source, row.object_id, row.start, row.stop, row.digest):
            message = f"cut {row.sequence} ({row.id}): its id is not of bytes {row.start}-{row.stop} and {row.digest}"
            yield Finding(row.uri, FindingKind.DIGEST, message)
    those = look.those("id", "pipeline")
    query = f"SELECT id, source, uri, version FROM dcp_objects WHERE {those} ORDER BY number"  # noqa: S608
    for row in look.rows(query):
        if row.id != object_id(look.pipeline, row.source, row.uri, row.version):
            yield Finding(row.uri, FindingKind.DIGEST, f"object {row.id}: its id is not of its uri and version")


def stray_batches(look: Look) -> Iterator[Finding]:
    """Without its object nothing else would see a batch."""
    query = """
        SELECT b.object_id, COUNT(*) AS n, SUM(b.records) AS records
        FROM dcp_batches b LEFT JOIN dcp_objects o ON o.id = b.object_id
        WHERE b.pipeline = :pipeline AND o.id IS NULL GROUP BY b.object_id ORDER BY b.object_id"""
    for row in look.rows(query):
        said = f"{row.n} batches with {row.records} records of object {row.object_id}, which the ledger does not know"
        yield Finding("", FindingKind.STRAY_BATCHES, said)


def pending_and_dead(look: Look) -> Iterator[Finding]:
    query = f"""
        SELECT o.uri, b.id, b.sequence, b.start, b.{look.end} AS stop, b.records, b.state, b.reason
        FROM dcp_batches b JOIN dcp_objects o ON o.id = b.object_id
        WHERE {look.those("b.object_id")} AND b.state <> 'done' ORDER BY o.number, b.sequence"""  # noqa: S608
    for row in look.rows(query):
        kind = FindingKind.DEAD if row.state == "dead" else FindingKind.PENDING
        because = f": {row.reason}" if row.reason else ""
        # The id is what `dcp dead requeue` takes.
        named = f", {row.id}" if kind is FindingKind.DEAD else ""
        where = f"cut {row.sequence}, bytes {row.start}-{row.stop}{named}"
        yield Finding(row.uri, kind, f"{row.records} records ({where}) are {row.state}{because}")


def unavailable(look: Look) -> Iterator[Finding]:
    query = f"""
        SELECT uri, state, reason FROM dcp_objects
        WHERE {look.those("id", "pipeline")} AND state NOT IN ('cut', 'history') ORDER BY number"""  # noqa: S608
    for row in look.rows(query):
        if row.state == "unavailable":
            yield Finding(row.uri, FindingKind.UNAVAILABLE, row.reason or "no longer served")
        else:
            yield Finding(row.uri, FindingKind.PENDING, "its bytes are not all read yet")
