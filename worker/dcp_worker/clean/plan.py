"""The cleaning plan: a spec compiled once, and the story of how a batch becomes rows, rejects and duplicates.

The steps: formats/ reads cells, columns.py makes typed values and finds failures, enrich/ adds what is known of
addresses, fingerprint.py gives rows their identity. docs/cleaning.md says what each field's words mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import msgspec
import polars as pl

from dcp_pipeline.batch import Batch
from dcp_pipeline.ledger.model import Reject
from dcp_pipeline.spec.model import Cleaning, Field, Format
from dcp_worker.clean.checks import checks_of
from dcp_worker.clean.columns import Column, failures, found_column, header_faults, typed
from dcp_worker.clean.errors import PlanError
from dcp_worker.clean.rejects import defect_reject, rejects_of
from dcp_worker.clean.types import POLARS_TYPES, parser
from dcp_worker.enrich import GeoStep
from dcp_worker.fingerprint import fingerprint, record_identity
from dcp_worker.formats.readers import known_labels, reader_of
from dcp_worker.formats.records import INDEX, Fault, Reader, Records, header_of
from dcp_worker.limits import ColumnLimit

ID = "_dcp_id"
RECORD = "_dcp_record"
_NO_LIMITS: Mapping[str, ColumnLimit] = MappingProxyType({})


@dataclass(frozen=True)
class CleanedBatch:
    """What became of a batch's records: read = rows + duplicates + rejects + filtered.

    `rows` has the spec's fields in their order, typed, then ID (16 bytes, unique, sorted by it) and RECORD (the
    record's number in the object). `duplicates` counts records whose identity an earlier one of the batch has.
    `read` is counted here, independently of the fetcher. `rejects` are by record.
    """

    rows: pl.DataFrame
    rejects: tuple[Reject, ...]
    read: int
    duplicates: int
    filtered: int = 0


@dataclass(frozen=True)
class CleaningPlan:
    """How the batches of one revision are cleaned. Thread-safe."""

    reader: Reader
    columns: tuple[Column, ...]
    missing: tuple[str, ...]
    unique: tuple[str, ...]
    steps: tuple[GeoStep, ...]
    has_header: bool
    known_labels: tuple[str, ...] | None
    """Of a format whose records all have the same ones; None where a header, or each record, names them."""

    @staticmethod
    def compile(
        cleaning: Cleaning,
        format: Format,
        *,
        limits: Mapping[str, ColumnLimit] = _NO_LIMITS,
        enrichers: Sequence[GeoStep] = (),
    ) -> CleaningPlan:
        """The plan of a spec. `limits` are the real table's, by column; `enrichers` is Enrichers.of(cleaning).

        Raises PlanError naming the part of the spec that cannot be followed.
        """
        fields = tuple(_without_default_format(field) for field in cleaning.fields)
        _check_steps(fields, enrichers)
        columns = []
        for number, field in enumerate(fields):
            path = f"spec.cleaning.fields[{number}]"
            checks = checks_of(field, limits.get(field.name), path)
            columns.append(Column(field, parser(field, path), checks))
        return CleaningPlan(
            reader=reader_of(format, tuple(dict.fromkeys(field.label for field in fields))),
            columns=tuple(columns),
            missing=cleaning.missing_values,
            unique=cleaning.unique,
            steps=tuple(enrichers),
            has_header=format.delimited,
            known_labels=known_labels(format),
        )

    def clean(self, batch: Batch) -> CleanedBatch:
        """The batch's rows and rejects.

        Raises FormatError where the batch lacks its header, EnrichmentError where a database is damaged.
        """
        raw = batch.raw()
        if batch.defect is not None:
            return CleanedBatch(self._no_rows(), (defect_reject(batch, raw),), read=1, duplicates=0)
        header = header_of(batch) if self.has_header else self.known_labels
        records = self.reader.read(raw, header)
        good, faults = self._checked(records, header)
        rows, duplicates = self._identified(good, batch)
        rejects = rejects_of(batch, raw, (*records.faults, *faults), records.spans)
        return CleanedBatch(rows, rejects, records.count, duplicates)

    def _checked(self, records: Records, header: tuple[str, ...] | None) -> tuple[pl.DataFrame, list[Fault]]:
        """The rows that pass, and the faults of the others."""
        if header is not None:
            filled = frozenset(target for step in self.steps for target in step.targets)
            faults = header_faults(header, self.columns, self.unique, filled, records.cells[INDEX])
            if faults:
                return self._typed(records.cells.clear()), faults
        frame = self._typed(records.cells)
        failing, faults = failures(frame, self.columns)
        return (frame.filter(~failing) if faults else frame), faults

    def _typed(self, cells: pl.DataFrame) -> pl.DataFrame:
        """INDEX, and each field's text and values; fields that an enrichment fills come after the others."""
        filled = {target for step in self.steps for target in step.targets}
        others = [column for column in self.columns if column.field.name not in filled]
        frame = pl.DataFrame([cells[INDEX], *typed(cells, others, self.missing)])
        if not filled:
            return frame
        for step in self.steps:
            cells = _with_found(cells, step.enrich(frame[step.source]))
        return frame.hstack(typed(cells, [each for each in self.columns if each not in others], self.missing))

    def _identified(self, good: pl.DataFrame, batch: Batch) -> tuple[pl.DataFrame, int]:
        """Rows with their identity, sorted by it; the later ones of an identity are left out and counted."""
        kinds = {column.field.name: column.field.type for column in self.columns}
        named = good.select(*kinds, (pl.col(INDEX) + batch.first_record).alias(RECORD))
        if self.unique:
            identity = fingerprint([(name, kinds[name]) for name in self.unique])
        else:
            identity = record_identity(batch.object_id, RECORD)
        rows = named.with_columns(identity.alias(ID)).sort(ID, RECORD).select(*kinds, ID, RECORD)
        kept = rows.filter(pl.col(ID).ne_missing(pl.col(ID).shift(1)))
        return kept, rows.height - kept.height

    def _no_rows(self) -> pl.DataFrame:
        schema: dict[str, pl.DataType] = {each.field.name: POLARS_TYPES[each.field.type] for each in self.columns}
        return pl.DataFrame(schema={**schema, ID: pl.Binary(), RECORD: pl.Int64()})


def _with_found(cells: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """What a step found goes before what earlier steps found."""
    for values in found:
        name = found_column(values.name)
        before = [cells[name]] if name in cells.columns else []
        cells = cells.with_columns(pl.coalesce(values, *before).alias(name))
    return cells


def _without_default_format(field: Field) -> Field:
    return msgspec.structs.replace(field, format=None) if field.format == "default" else field


def _check_steps(fields: Sequence[Field], steps: Sequence[GeoStep]) -> None:
    kinds = {field.name: field.type for field in fields}
    filled = {target for step in steps for target in step.targets}
    for number, step in enumerate(steps):
        path = f"spec.cleaning.enrich[{number}].geoip"
        if kinds.get(step.source) not in ("ip", "string"):
            raise PlanError(f"{path}.from", f"{step.source!r} is no field of type ip or string")
        if step.source in filled:
            raise PlanError(f"{path}.from", f"{step.source!r} is filled by an enrichment itself")
        unknown = [target for target in step.targets if target not in kinds]
        if unknown:
            raise PlanError(f"{path}.fields", f"{unknown[0]!r} is no field")
