"""parquet: its rows as lines (tables/parquet.py)."""

from __future__ import annotations

from dcp_fetcher.opening.decompress import Readable
from dcp_fetcher.opening.kinds.how import How


def lines(stream: Readable, how: How) -> Readable:
    """A row a line."""
    from dcp_fetcher.opening.tables.parquet import parquet_lines

    return parquet_lines(stream, how.met)


def begins(head: bytes) -> bool:
    """Whether a file that starts so is Parquet."""
    return head.startswith(b"PAR1")
