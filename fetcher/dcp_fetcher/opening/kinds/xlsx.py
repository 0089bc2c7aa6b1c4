"""xlsx: the rows of a sheet as lines (tables/spreadsheet.py)."""

from __future__ import annotations

from dcp_fetcher.opening.decompress import Readable
from dcp_fetcher.opening.kinds.how import How


def lines(stream: Readable, how: How) -> Readable:
    """A row a line."""
    from dcp_fetcher.opening.tables.spreadsheet import sheet_lines

    return sheet_lines(stream, how.form, how.met)


def begins(head: bytes) -> bool:
    """Whether a file that starts so is a workbook."""
    return head.startswith(b"PK") and any(part in head for part in (b"[Content_Types].xml", b"xl/", b"docProps/"))
