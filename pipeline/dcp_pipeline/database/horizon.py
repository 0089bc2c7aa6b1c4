"""What all share who look at a clean table of which rows expire: ledger/expiring/ is where that is done."""

from __future__ import annotations

FIRST = "00000001"
"""Identities below have no time, or one before 1970: their rows never expire."""


def horizon_key(table: str) -> str:
    """Of the note in dcp_meta of how far rows are not taken."""
    return f"horizon/{table}"


def counted_key(table: str) -> str:
    """Of the note in dcp_meta of how far they are counted."""
    return f"counted/{table}"


def still_standing(counted: str | None, column: str = "_dcp_id") -> str:
    """The condition that a row is not counted as expired; nothing where none is."""
    return f"AND ({column} < x'{FIRST}' OR {column} >= x'{bytes.fromhex(counted).hex()}')" if counted else ""
