"""A file's bytes through the fetcher's cutting and the worker's cleaning, with both counts compared batch by batch."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from dcp_fetcher.cutting.split import RawCut, Splitter
from dcp_fetcher.publishing.cuts import batch_of, cut_of
from dcp_fetcher.reading import CHUNK_BYTES, Content, HowToCut
from dcp_fetcher.sites.site import Opened
from dcp_pipeline.batch import Batch
from dcp_pipeline.ledger.model import Reject, SourceObject
from dcp_pipeline.spec.model import BatchSize, Decompression, Format
from dcp_worker.clean.plan import ID, RECORD, CleaningPlan
from support.batches import cleaning_of


@dataclass(frozen=True)
class Read:
    """`rows` by record number: what was written. `rejects` by record number."""

    read: int
    rows: dict[int, tuple[Any, ...]]
    rejects: dict[int, Reject]
    labels: tuple[str, ...] | None

    @property
    def values(self) -> list[tuple[Any, ...]]:
        """The rows in the order of their records."""
        return [self.rows[number] for number in sorted(self.rows)]

    @property
    def codes(self) -> dict[int, str]:
        """Why records were rejected."""
        return {number: reject.code for number, reject in self.rejects.items()}


def read_bytes(
    raw: bytes, form: Format, *labels: str, max_records: int = 3, chunk: int = 7, missing: list[str] | None = None
) -> Read:
    """What becomes of a file whose labels are read as strings."""
    splitter = Splitter(form, BatchSize(max_records=max_records))
    cuts: list[RawCut] = []
    for at in range(0, len(raw), chunk):
        cuts += splitter.feed(raw[at : at + chunk])
    cuts += splitter.finish()
    header = splitter.header.labels if splitter.header else None
    return clean_cuts(cuts, header, form, labels, missing)


def clean_cuts(
    cuts: list[RawCut],
    header: tuple[str, ...] | None,
    form: Format,
    labels: tuple[str, ...],
    missing: list[str] | None = None,
) -> Read:
    """The same of what was cut."""
    fields = [{"name": f"f{number}", "from": label} for number, label in enumerate(labels)]
    plan = CleaningPlan.compile(cleaning_of(*fields, missingValues=missing or []), form)
    rows: dict[int, tuple[Any, ...]] = {}
    rejects: dict[int, Reject] = {}
    read = 0
    for cut in cuts:
        cleaned = plan.clean(batch_of_cut(cut, header))
        assert cleaned.read == cut.records, f"the fetcher counts {cut.records}, the worker {cleaned.read}: {cut.raw!r}"
        assert cleaned.read == cleaned.rows.height + cleaned.duplicates + len(cleaned.rejects) + cleaned.filtered
        read += cleaned.read
        rows |= dict(zip(cleaned.rows[RECORD], cleaned.rows.drop(ID, RECORD).rows(), strict=True))
        rejects |= {reject.record: reject for reject in cleaned.rejects}
    return Read(read, rows, rejects, header)


def batch_of_cut(cut: RawCut, header: tuple[str, ...] | None) -> Batch:
    """The batch that a fetcher makes of it."""
    found = SourceObject("object", "default/test", "source", "file:///test", "1", "r" * 32, header=header)
    return batch_of(found, cut_of(found, cut), cut.raw)


class Served:
    """Bytes as a site serves them, a few at a time."""

    on_pause = None
    on_bytes = None
    end_known = True

    def __init__(self, raw: bytes, chunk: int) -> None:
        self._raw, self._chunk = io.BytesIO(raw), chunk

    def read(self, most: int) -> bytes:
        return self._raw.read(min(most, self._chunk))

    def seek(self, offset: int) -> bool:
        return False

    def check_unchanged(self) -> None:
        return

    def close(self) -> None:
        return


def read_file(
    raw: bytes, form: Format, *labels: str, chunk: int = 1000, max_records: int = 3, missing: list[str] | None = None
) -> Read:
    """What becomes of a file as a source serves it: packed, in an archive, in any encoding, a table."""
    content = Content(Opened("1", Served(raw, chunk)), HowToCut(form, BatchSize(), Decompression()))
    splitter = Splitter(form, BatchSize(max_records=max_records), relabelled=content.relabelled)
    cuts: list[RawCut] = []
    while data := content.read(CHUNK_BYTES):
        cuts += splitter.feed(data)
    cuts += splitter.finish()
    header = splitter.header.labels if splitter.header else None
    return clean_cuts(cuts, header, form, labels, missing)
