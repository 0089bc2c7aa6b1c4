"""What a reader returns: the readable records as text cells, and a fault for each of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec
import polars as pl
from msgspec.structs import replace

from dcp_pipeline.batch import Batch
from dcp_worker.formats.spans import Span

INDEX = "_dcp_index"
"""Column of `Records.cells`: which record of the batch a row is, from 0."""


BLANK_ROW = "blank-row"
"""The code of a record in which no cell has a value."""


def cell_column(label: str) -> str:
    """Column of `Records.cells` for a label. The prefix keeps Polars from reading `*` or `^...$` as a pattern."""
    return f"cell:{label}"


class Fault(msgspec.Struct, frozen=True):
    """A record that has no readable cells, with one of the codes of docs/formats.md."""

    index: int
    code: str
    reason: str
    field: str | None = None


class Records(msgspec.Struct, frozen=True):
    """A batch, read.

    `cells` has one row per readable record: INDEX, and a String column (cell_column) per wanted label that the
    batch knows; null is a missing value. `count` is of all records, readable or not.
    """

    count: int
    cells: pl.DataFrame
    faults: tuple[Fault, ...]
    spans: Sequence[Span]


def refused(records: Records, faults: Sequence[Fault]) -> Records:
    """The same, with these faults for their records."""
    if not faults:
        return records
    bad = {fault.index for fault in faults}
    others = (fault for fault in records.faults if fault.index not in bad)
    cells = records.cells.filter(~pl.col(INDEX).is_in(list(bad)))
    return replace(records, cells=cells, faults=(*others, *faults))


class Reader(Protocol):
    """Reads the batches of one format. Thread-safe."""

    def read(self, raw: bytes, header: tuple[str, ...] | None) -> Records:
        """The records of a batch's decompressed bytes."""

    def spans(self, raw: bytes) -> Sequence[Span]:
        """Where the records stand in those bytes."""

    def raw_cells(self, record: bytes, header: tuple[str, ...] | None) -> dict[str, str | None]:
        """One record's cells by label, as they came: for people to look at."""


class FormatError(ValueError):
    """The batch cannot be read at all: a fault of the pipeline, not of a record."""


def header_of(batch: Batch) -> tuple[str, ...]:
    """The labels of a csv batch.

    Raises FormatError where the batch carries none.
    """
    if batch.header is None:
        raise FormatError(f"batch {batch.id} of {batch.uri} carries no header")
    return batch.header
