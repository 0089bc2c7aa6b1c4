"""Batches and what came out of them, for tests of ledger and sink: the rows are given, nothing is cleaned."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import polars as pl

from dcp_fetcher.cutting.split import Position, RawCut
from dcp_fetcher.publishing.cuts import batch_of, cut_of
from dcp_pipeline.batch import Batch, digest_of, object_id
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.model import ObjectState, Reject, SourceObject
from dcp_pipeline.spec.model import Cleaning, Constraints, Field, Format
from dcp_pipeline.spec.revision import Revision
from dcp_worker.sink.identity import identity_of
from support.databases import PIPELINE as PIPELINE

REVISION = "revision-1"
TYPES: dict[str, Any] = {
    "string": pl.String,
    "ip": pl.String,
    "integer": pl.Int64,
    "number": pl.Float64,
    "boolean": pl.Boolean,
    "date": pl.Date,
    "time": pl.Time,
    "datetime": pl.Datetime("us"),
}


def cleaning(*fields: tuple[str, str] | tuple[str, str, int], unique: Sequence[str] = ()) -> Cleaning:
    """A cleaning of fields (name, type[, maxLength])."""
    made = [
        Field(name=f[0], type=f[1], constraints=Constraints(max_length=f[2] if len(f) > 2 else None)) for f in fields
    ]  # type: ignore[arg-type,misc]
    return Cleaning(fields=tuple(made), unique=tuple(unique))


NAMED = cleaning(("name", "string", 100), ("n", "integer"), unique=["name"])


@dataclass(frozen=True)
class CleanedCase:
    """What the cleaning would have made of a batch."""

    rows: pl.DataFrame
    rejects: tuple[Reject, ...] = ()
    read: int = 0
    duplicates: int = 0
    filtered: int = 0


def identity(value: object, length: int = 16) -> bytes:
    """Bytes that stand for a record."""
    return hashlib.blake2b(repr(value).encode(), digest_size=length).digest()


def rows_of(
    spec: Cleaning,
    rows: Sequence[Sequence[Any]],
    ids: Sequence[object] | None = None,
    first: int = 1,
    ordered: bool = True,
) -> pl.DataFrame:
    """Rows in the order of the fields; their identities are of `ids`, or of the rows themselves, and as long as those of
    a new table are, or of one that is not `ordered`."""
    schema = {each.name: TYPES[each.type] for each in spec.fields}
    frame = pl.DataFrame([list(row) for row in rows], schema=schema, orient="row")
    given = ids if ids is not None else [tuple(row) for row in rows]
    length = identity_of(spec, ordered).bytes
    return frame.with_columns(
        pl.Series("_dcp_id", [identity(each, length) for each in given], dtype=pl.Binary),
        pl.Series("_dcp_record", range(first, first + len(rows)), dtype=pl.Int64),
    )


def reject(
    record: int, raw: bytes = b"x", code: str = "type-error", field: str | None = "n", reason: str = "bad"
) -> Reject:
    """A reject of a record."""
    return Reject(record, record + 1, code, reason, field, (record - 1) * 10, raw, len(raw), digest_of(raw))


class Source:
    """An object in a ledger, cut batch by batch."""

    def __init__(
        self, ledger: Ledger, spec: Cleaning, uri: str = "http://feed/a.csv", format_: Format | None = None
    ) -> None:
        self.ledger = ledger
        ledger.save_spec(
            REVISION, msgspec.json.encode(Revision(cleaning=spec, format=format_ or Format()), enc_hook=str)
        )
        self.id, self.uri = object_id(PIPELINE, "s", uri, "v1"), uri
        header = tuple(each.labels[0] for each in spec.fields)
        self._object = SourceObject(self.id, PIPELINE, "s", uri, "v1", REVISION, header=header, header_end=10)
        self._at = Position(offset=10, line=2)
        ledger.open_object(self._object)
        ledger.update_object(self.id, state=ObjectState.CUT)

    def cut(self, raw: bytes, records: int, defect: str | None = None) -> Batch:
        """The next batch, recorded in the ledger."""
        at, end = self._at, self._at.offset + len(raw)
        cut = cut_of(self._object, RawCut(at, end, records, digest_of(raw), raw, defect))
        self.ledger.record_cuts(self.id, [cut])
        self._at = Position(end, at.sequence + 1, at.record + records, at.line + records)
        return batch_of(self._object, cut, raw)

    def lines(self, *lines: str) -> Batch:
        """The next batch, of these lines."""
        return self.cut("".join(f"{line}\n" for line in lines).encode(), len(lines))
