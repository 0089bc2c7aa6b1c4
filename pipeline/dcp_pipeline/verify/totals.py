"""Verify's check of the totals: they are the sums over the objects that say that they are counted."""

from __future__ import annotations

from collections.abc import Iterator

from dcp_pipeline.verify.findings import Finding, FindingKind
from dcp_pipeline.verify.look import Look

_GONE = "gone"
"""In the place of a state, as the ledger writes it: of objects that have no entry any more."""
_COUNTS = ("batches", "was_read", "written", "duplicates", "rejected", "filtered", "expired")


def totals(look: Look) -> Iterator[Finding]:
    read = look.read
    stand = {
        (row.source, row.state): (int(row.objects), *(int(getattr(row, name)) for name in _COUNTS))
        for row in look.rows(
            f"SELECT source, state, objects, batches, {read} AS was_read, written, duplicates, rejected, filtered, "  # noqa: S608
            "COALESCE(expired, 0) AS expired "
            "FROM dcp_totals WHERE pipeline = :pipeline"
        )
    }
    for source, state in [each for each in stand if each[1] == _GONE]:
        yield from _gone(source, dict(zip(("objects", *_COUNTS), stand.pop((source, state)), strict=True)))
    objects = """
        SELECT source, state, COUNT(*) AS n FROM dcp_objects
        WHERE pipeline = :pipeline AND counted = 1 GROUP BY source, state"""
    found = {(row.source, row.state): [int(row.n), *(0 for _ in _COUNTS)] for row in look.rows(objects)}
    sums = """
        SELECT o.source, o.state, SUM(CASE WHEN b.kind = 'cut' THEN 1 ELSE 0 END) AS batches,
               SUM(b.records) AS was_read, SUM(COALESCE(b.written, 0)) AS written,
               SUM(COALESCE(b.duplicates, 0)) AS duplicates, SUM(COALESCE(b.rejected, 0)) AS rejected,
               SUM(COALESCE(b.filtered, 0)) AS filtered, SUM(COALESCE(b.expired, 0)) AS expired
        FROM dcp_objects o JOIN dcp_batches b ON b.object_id = o.id
        WHERE o.pipeline = :pipeline AND o.counted = 1 GROUP BY o.source, o.state"""
    for row in look.rows(sums):
        found[row.source, row.state][1:] = [int(getattr(row, name)) for name in _COUNTS]
    nothing = (0,) * (1 + len(_COUNTS))
    for key in sorted({*stand, *found}):
        said, are = stand.get(key, nothing), tuple(found.get(key, nothing))
        if said != are:
            names = ("objects", "batches", "read", *_COUNTS[2:])
            wrong = ", ".join(f"{a:,} {name}, are {b:,}" for name, a, b in zip(names, said, are, strict=True) if a != b)
            source, state = key
            yield Finding("", FindingKind.TOTALS, f"source {source}, {state}: the totals say {wrong}: count them again")


def _gone(source: str, sums: dict[str, int]) -> Iterator[Finding]:
    """Of objects that have no entry any more only these sums are left, which add up, with no row standing."""
    settled = sum(sums[name] for name in ("written", "duplicates", "rejected", "filtered"))
    if (sums["was_read"], sums["written"]) != (settled, sums["expired"]):
        message = (
            f"source {source}: of {sums['objects']:,} objects that are gone {sums['was_read']:,} records were read and "
            f"{settled:,} are accounted for; of {sums['written']:,} written {sums['expired']:,} have expired"
        )
        yield Finding("", FindingKind.TOTALS, message)
