"""Verify's checks of rows and rejects: each batch has its own, all of them, once."""

from __future__ import annotations

from collections.abc import Iterator

from dcp_pipeline.verify.findings import Finding, FindingKind
from dcp_pipeline.verify.look import Look, Range


def rows(look: Look) -> Iterator[Finding]:
    query = f"""
        SELECT o.uri, b.id, b.kind, b.sequence, b.state, b.written, COALESCE(b.expired, 0) AS expired,
               g.n, g.numbers, g.least, g.most
        FROM dcp_batches b JOIN dcp_objects o ON o.id = b.object_id
        LEFT JOIN {look.rows_per_batch} g ON g.id = b.id
        WHERE {look.those("b.object_id")} AND (
            COALESCE(g.n, 0) <>
                CASE WHEN b.state = 'done' THEN COALESCE(b.written, 0) - COALESCE(b.expired, 0) ELSE 0 END
            OR g.numbers <> g.n
            OR (b.kind = 'cut' AND (g.least < b.first_record OR g.most >= b.first_record + b.records)))
        ORDER BY o.number, b.sequence"""  # noqa: S608
    for row in look.rows(query):
        name = f"{row.kind} {row.sequence} ({row.id}, {row.state})"
        written = int(row.written or 0) - int(row.expired) if row.state == "done" else 0
        if int(row.n or 0) != written:
            less = f" ({int(row.expired)} of {int(row.written or 0)} expired)" if row.expired else ""
            message = f"{name}: {int(row.n or 0)} rows in the table, {written} in the ledger{less}"
        elif row.numbers != row.n:
            message = f"{name}: {row.n} rows in the table, of {row.numbers} records"
        else:
            message = f"{name}: has rows of records {row.least}-{row.most}, which are not all its own"
        yield Finding(row.uri, FindingKind.ROWS, message)


def stray_rows(look: Look) -> Iterator[Finding]:
    query = f"""
        SELECT g.id, g.n FROM {look.rows_per_batch} g LEFT JOIN dcp_batches b ON b.id = g.id
        WHERE b.id IS NULL ORDER BY g.id"""  # noqa: S608
    for row in look.rows(query):
        yield Finding("", FindingKind.STRAY_ROWS, f"{row.n} rows of batch {row.id}, which the ledger does not know")


def doubled(look: Look) -> Iterator[Finding]:
    """Identities that stand in the table more than once."""
    if look.table is None:
        return
    batch = look.hex("t._dcp_batch")
    some = look.of_batches
    those = f"AND t._dcp_id IN (SELECT _dcp_id FROM {look.table} WHERE 1 = 1 {some})" if some else ""  # noqa: S608
    identities = (look.identities or Range()).of_bytes("t._dcp_id")
    query = f"""
        SELECT g.id, g.n, g.first_batch, g.last_batch, o.uri FROM (
            SELECT {look.hex("t._dcp_id")} AS id, COUNT(*) AS n, MIN({batch}) AS first_batch, MAX({batch}) AS last_batch
            FROM {look.table} t WHERE {identities} {those} GROUP BY t._dcp_id HAVING COUNT(*) > 1) g
        LEFT JOIN dcp_batches b ON b.id = g.first_batch LEFT JOIN dcp_objects o ON o.id = b.object_id
        ORDER BY g.id"""  # noqa: S608
    for row in look.rows(query):
        batches = " and ".join(dict.fromkeys((row.first_batch, row.last_batch)))
        yield Finding(row.uri or "", FindingKind.DOUBLED, f"{row.n} rows of identity {row.id}, of batch {batches}")


def rejects(look: Look) -> Iterator[Finding]:
    of_objects = look.among("object_id")
    # A replay's entry counts the rejects that came back less those that it took.
    query = f"""
        SELECT o.uri, b.id, b.kind, b.sequence, b.rejected, COALESCE(kept.n, 0) AS kept, COALESCE(took.n, 0) AS took,
               COALESCE(b.forgotten, 0) AS forgotten,
               kept.least, kept.most
        FROM dcp_batches b JOIN dcp_objects o ON o.id = b.object_id
        LEFT JOIN (SELECT batch_id, COUNT(*) AS n, MIN(record) AS least, MAX(record) AS most
                   FROM dcp_rejects WHERE 1 = 1 {of_objects} GROUP BY batch_id) kept ON kept.batch_id = b.id
        LEFT JOIN (SELECT replay_batch, COUNT(*) AS n FROM dcp_rejects
                   WHERE state = 'replayed' {of_objects} GROUP BY replay_batch) took ON took.replay_batch = b.id
        WHERE {look.those("b.object_id")} AND (
            COALESCE(b.rejected, 0) <> COALESCE(kept.n, 0) - COALESCE(took.n, 0) + COALESCE(b.forgotten, 0)
            OR (b.kind = 'cut' AND (kept.least < b.first_record OR kept.most >= b.first_record + b.records)))
        ORDER BY o.number, b.sequence"""  # noqa: S608
    for row in look.rows(query):
        name = f"{row.kind} {row.sequence} ({row.id})"
        if int(row.rejected or 0) != row.kept - row.took + row.forgotten:
            less = f", {row.forgotten} forgotten" if row.forgotten else ""
            message = (
                f"{name}: {row.kept} rejects kept, {row.took} taken by it{less}, {row.rejected or 0} in the ledger"
            )
        else:
            message = f"{name}: has rejects of records {row.least}-{row.most}, which are not all its own"
        yield Finding(row.uri, FindingKind.REJECTS, message)


def stray_rejects(look: Look) -> Iterator[Finding]:
    """Rejects whose batch, or the replay that took them, is in no entry."""
    query = f"""
        SELECT o.uri, r.batch_id, r.replay_batch, b.id AS known, COUNT(*) AS n
        FROM dcp_rejects r LEFT JOIN dcp_objects o ON o.id = r.object_id
        LEFT JOIN dcp_batches b ON b.id = r.batch_id LEFT JOIN dcp_batches p ON p.id = r.replay_batch
        WHERE (o.pipeline = :pipeline OR o.id IS NULL) {look.among("r.object_id")}
          AND (b.id IS NULL OR (r.state = 'replayed' AND p.id IS NULL))
        GROUP BY o.uri, r.batch_id, r.replay_batch, b.id ORDER BY r.batch_id, r.replay_batch"""  # noqa: S608
    for row in look.rows(query):
        said = f"{row.n} rejects of batch {row.batch_id}"
        why = "which the ledger does not know" if row.known is None else f"replayed by unknown {row.replay_batch}"
        yield Finding(row.uri or "", FindingKind.STRAY_REJECTS, f"{said}, {why}")


def rows_and_rejects(look: Look) -> Iterator[Finding]:
    """Records of a batch that are in the table and refused as well."""
    if look.table is None:
        return
    query = f"""
        SELECT o.uri, b.id, b.kind, b.sequence, COUNT(*) AS n, MIN(r.record) AS record
        FROM dcp_rejects r JOIN {look.table} t ON {look.of_reject} AND t._dcp_record = r.record
        JOIN dcp_batches b ON b.id = r.batch_id JOIN dcp_objects o ON o.id = b.object_id
        WHERE {look.those("r.object_id")}
        GROUP BY o.uri, b.id, b.kind, b.sequence ORDER BY o.uri, b.sequence"""  # noqa: S608
    for row in look.rows(query):
        message = f"{row.kind} {row.sequence} ({row.id}): {row.n} records are rows and rejects, first {row.record}"
        yield Finding(row.uri, FindingKind.REJECTS, message)
