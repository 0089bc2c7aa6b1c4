"""The versions of the ledger's tables: one entry for each release that changed them. Never taken away or renumbered.

To add a column, an index or a table: put it into tables.py (a column must be nullable, for the rows that stand there),
and an entry here. schema.py makes it in ledgers of every older version. `fill` gives what stands there its values; it
may run twice, for it may be killed, and the rows may be many.

A ledger of a newer version is refused by an older release, so that it never writes rows that lack something.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from sqlalchemy import Connection


class Change(msgspec.Struct, frozen=True):
    """What a version brought."""

    version: int
    brought: str
    fill: Callable[[Connection], None] | None = None


CHANGES = (
    Change(1, "objects, batches, rejects, specs, tasks"),
    Change(2, "the header of a batch whose labels are not its object's"),
    Change(3, "an index of the objects by their states"),
    Change(4, "totals of what is settled: the fetcher counts what stands there, some at a time"),
    Change(5, "rows that have expired, and rejects that were forgotten"),
)  # fmt: skip
SCHEMA_VERSION = CHANGES[-1].version
