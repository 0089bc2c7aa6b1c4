"""Records with another number of cells than the header has labels: refused, or mended where the format asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from dcp_worker.formats.csv.grid import Ragged
from dcp_worker.formats.records import Fault


class RaggedRows(msgspec.Struct, frozen=True):
    """`missing`: whether cells that are not there are NULL; `extra`: what becomes of those beyond the last label."""

    missing: Literal["reject", "pad"] = "reject"
    extra: Literal["reject", "cut", "join"] = "reject"
    delimiter: str = ","

    def mends(self, record: Ragged, width: int) -> bool:
        """Whether it can be read all the same. A record without any value stays what it is."""
        if not record.cells or record.cells == width:
            return False
        return (self.missing if record.cells < width else self.extra) != "reject"

    def mended(self, cells: Sequence[str], width: int) -> list[str | None]:
        """As many cells as there are labels."""
        if len(cells) <= width:
            return [*cells, *[None] * (width - len(cells))]
        last = self.delimiter.join(cells[width - 1 :]) if self.extra == "join" else cells[width - 1]
        return [*cells[: width - 1], last]


def ragged_fault(record: Ragged, width: int) -> Fault:
    """Why it is refused."""
    if record.cells == 0:
        return Fault(record.index, "blank-row", "no cell has a value")
    code = "missing-cell" if record.cells < width else "extra-cell"
    return Fault(record.index, code, f"cells: {record.cells}, labels in the header: {width}")
