"""What verify may find. Values only; verify.py looks for them."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class FindingKind(StrEnum):
    """What was found."""

    ROWS = "rows"
    """The table's rows of a batch are not as many as its entry says, or not of its records."""
    STRAY_ROWS = "stray-rows"
    """Rows of a batch that no ledger entry accounts for."""
    DOUBLED = "doubled"
    """Rows of the same identity."""
    REJECTS = "rejects"
    """The rejects kept of a batch are not as many as its entry says, not of its records, or rows as well."""
    STRAY_REJECTS = "stray-rejects"
    """Rejects of a batch, or taken by a replay, that no ledger entry accounts for."""
    STRAY_BATCHES = "stray-batches"
    """Batches of an object that the ledger does not know."""
    COUNTS = "counts"
    """A batch's counts do not add up to what was read."""
    GAP = "gap"
    """Bytes, records or a sequence number between an object's batches are missing, or there twice."""
    DIGEST = "digest"
    """The id of a cut or an object is not of what it is made of: something was changed."""
    TOTALS = "totals"
    """The totals of what is settled are not those of their objects: `dcp verify --recount` has them counted again."""
    PENDING = "pending"
    DEAD = "dead"
    UNAVAILABLE = "unavailable"


INCOMPLETE = frozenset({FindingKind.PENDING, FindingKind.DEAD, FindingKind.UNAVAILABLE})
"""Findings that say what is missing, and no contradiction."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as it should be, and in which object (its uri; '' where none can be told)."""

    uri: str
    kind: FindingKind
    message: str


class VerifyReport(msgspec.Struct, frozen=True):
    """What was looked at, and what was found."""

    findings: tuple[Finding, ...]
    objects: int
    batches: int
    rows: int
    rejects: int

    def __add__(self, other: VerifyReport) -> VerifyReport:
        return VerifyReport(
            self.findings + other.findings,
            self.objects + other.objects,
            self.batches + other.batches,
            self.rows + other.rows,
            self.rejects + other.rejects,
        )

    @property
    def balanced(self) -> bool:
        """Whether nothing contradicts anything (records may be pending or dead)."""
        return all(finding.kind in INCOMPLETE for finding in self.findings)

    @property
    def complete(self) -> bool:
        """Whether every record that was cut is accounted for."""
        return not self.findings
