"""The cleaning plan: a spec compiled once, and the story of how a batch becomes rows, rejects and duplicates.

The steps: formats/ reads cells, columns.py makes typed values and finds failures, enrich/ adds what is known of
addresses, fingerprint.py gives rows their identity. docs/cleaning.md says what each field's words mean.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from types import MappingProxyType

import msgspec
import polars as pl

from dcp_pipeline.batch import OPEN_CELL, Batch
from dcp_pipeline.ledger.model import Reject
from dcp_pipeline.spec.checking.order import late_fields, origins, reads_of
from dcp_pipeline.spec.model import Cleaning, Format
from dcp_worker.clean.checks.filters import RowFilter, compile_filters
from dcp_worker.clean.columns import Column, header_faults
from dcp_worker.clean.compile import CompiledFields, compile_fields
from dcp_worker.clean.group import AT, NUMBER, OBJECT, CleanedGroup, Joined, alone, joined, may_be_joined, together
from dcp_worker.clean.outside import Outside, Unreachable
from dcp_worker.clean.prepare import found_column
from dcp_worker.clean.rejects import defect_reject, rejects_of
from dcp_worker.clean.types.types import polars_type
from dcp_worker.enrich import EnrichmentError, Step
from dcp_worker.formats.csv.grammar import closed
from dcp_worker.formats.readers import known_labels, reader_of
from dcp_worker.formats.records import BLANK_ROW, INDEX, Fault, Reader, Records, header_of
from dcp_worker.ground.errors import PlanError
from dcp_worker.ground.fingerprint import fingerprint, record_identity
from dcp_worker.ground.limits import ColumnLimit
from dcp_worker.ground.order import order_of_field

log = logging.getLogger(__name__)

ID = "_dcp_id"
RECORD = "_dcp_record"
_NO_RECORD = (BLANK_ROW, "row-error")
_NO_LIMITS: Mapping[str, ColumnLimit] = MappingProxyType({})
_UNREACHABLE = Unreachable()


class CleanedBatch(msgspec.Struct, frozen=True):
    """What became of a batch's records: read = rows + duplicates + rejects + filtered.

    `rows` has the spec's fields in their order, typed, then ID (unique, sorted by it) and RECORD (the
    record's number in the object). `duplicates` counts records whose identity an earlier one of the batch has.
    `read` is counted here, independently of the fetcher. `rejects` are by record. `left_out` are the numbers of the
    records that a filter left out.
    """

    rows: pl.DataFrame
    rejects: tuple[Reject, ...]
    read: int
    duplicates: int
    left_out: pl.Series = msgspec.field(default_factory=lambda: pl.Series(dtype=pl.Int64))

    @property
    def filtered(self) -> int:
        return len(self.left_out)


class CleaningPlan(msgspec.Struct, frozen=True, dict=True):
    """How the batches of one revision are cleaned. Thread-safe."""

    reader: Reader
    fields: CompiledFields
    filter: RowFilter
    unique: tuple[str, ...]
    steps: tuple[Step, ...]
    has_header: bool
    quote: str
    blank_rows_count: bool
    """Whether a row without a value is a reject; else it is left out, as by a filter."""
    known_labels: tuple[str, ...] | None
    """Of a format whose records all have the same ones; None where a header, or each record, names them."""
    identifying: frozenset[str]
    """The fields of `unique`, and those that they are made of."""
    ordered_by: str | None = None
    """The field whose order identities begin with."""
    ordered: bool = False
    """Whether they begin with an order: of that field, or without unique fields of the record's place."""

    @staticmethod
    def compile(
        cleaning: Cleaning,
        format: Format,
        *,
        limits: Mapping[str, ColumnLimit] = _NO_LIMITS,
        enrichers: Sequence[Step] = (),
        outside: Outside = _UNREACHABLE,
        ordered: bool = False,
        ordered_by: str | None = None,
    ) -> CleaningPlan:
        """The plan of a spec. `limits` are the real table's, by column; `enrichers` is Enrichers.of(cleaning);
        `ordered` says whether the table is kept in order, `ordered_by` of which field, where not
        of the spec's own choice.

        Raises PlanError naming the part of the spec that cannot be followed, and what `outside` raises.
        """
        _check_steps(cleaning, enrichers)
        fields = compile_fields(cleaning, limits, outside)
        labels = dict.fromkeys(label for field in cleaning.fields if field.compute is None for label in field.labels)
        return CleaningPlan(
            reader=reader_of(format, tuple(labels)),
            fields=fields,
            filter=compile_filters(cleaning.filter, fields.columns),
            unique=cleaning.unique,
            steps=tuple(enrichers),
            has_header=format.delimited,
            quote=format.quote,
            blank_rows_count=format.blank_rows == "reject",
            known_labels=known_labels(format),
            identifying=origins(cleaning.unique, reads_of(cleaning)),
            ordered_by=(ordered_by or (cleaning.ordered_by.name if cleaning.ordered_by else None)) if ordered else None,
            ordered=ordered,
        )

    @property
    def columns(self) -> tuple[Column, ...]:
        """The fields that are stored."""
        return tuple(column for column in self.fields.columns if column.field.stored)

    def clean(self, batch: Batch) -> CleanedBatch:
        """The batch's rows and rejects.

        Raises FormatError where the batch lacks its header, EnrichmentError where a database is damaged.
        """
        raw = batch.raw()
        records = self._records(batch, raw)
        if records is None:
            return CleanedBatch(self._no_rows(), (defect_reject(batch, raw),), read=1, duplicates=0)
        header = self._header(batch)
        good, faults, left_out = self._checked(records, header)
        rows, duplicates = self._identified(good, batch)
        unreadable, blank = self._without_blank(records.faults)
        if blank:
            left_out = left_out.append(pl.Series(blank, dtype=left_out.dtype)).sort()
        if batch.defect is not None:  # a quote was put in the place of its line end
            raw = raw.rstrip(b"\r\n")
        rejects = rejects_of(batch, raw, (*unreadable, *faults), records.spans)
        return CleanedBatch(rows, rejects, records.count, duplicates, left_out + batch.first_record)

    def clean_together(self, batches: Mapping[int, Batch]) -> CleanedGroup:
        """The rows and rejects of several batches of this revision, by their numbers. One that cannot be cleaned is
        left out, for whoever tries it by itself. Raises EnrichmentError."""
        alike: dict[tuple[str, ...] | None, dict[int, Batch]] = {}
        others: dict[int, Batch] = {}
        for number, batch in batches.items():
            fits = may_be_joined(batch)
            (alike.setdefault(batch.header, {}) if fits else others)[number] = batch
        return together([*chain(*map(self._clean_alike, alike.values())), *self._one_by_one(others)])

    def _clean_alike(self, batches: Mapping[int, Batch]) -> list[CleanedGroup]:
        try:
            read = self._read_together(batches) if len(batches) > 1 else None
            groups = [] if read is None else [self._of_joined(read)]
        except EnrichmentError:
            raise
        except Exception as error:  # noqa: BLE001 (it is met again where each is cleaned by itself)
            log.debug("cleaned one by one", extra={"batches": len(batches), "why": f"{type(error).__name__}: {error}"})
            groups = []
        done = {number for group in groups for number in group.accounts}
        return [*groups, *self._one_by_one({number: each for number, each in batches.items() if number not in done})]

    def _read_together(self, batches: Mapping[int, Batch]) -> Joined | None:
        return joined(batches, self.reader, self._header(next(iter(batches.values()))))

    def _of_joined(self, read: Joined) -> CleanedGroup:
        good, faults, left_out = self._checked(read.records, self._header(next(iter(read.batches.values()))))
        good = good.hstack(read.beside(object_too=not self.unique)[good[INDEX]])
        if read.odd:
            good = good.filter(~pl.col(AT).is_in(list(read.odd)))
        identity = self._identity
        if identity is None:
            identity = record_identity(pl.col(OBJECT), pl.col(NUMBER), self.ordered)
        rows = good.select(*self._stored, identity.alias(ID), pl.col(NUMBER).alias(RECORD), AT)
        return CleanedGroup(read.accounts(faults, left_out, self.reader), (rows,))

    def _one_by_one(self, batches: Mapping[int, Batch]) -> Iterator[CleanedGroup]:
        for number, batch in batches.items():
            try:
                yield alone(number, batch, self.clean(batch))
            except Exception as error:  # noqa: BLE001 (it is met again, and told, where it is tried by itself)
                log.debug("tried by itself", extra={"batch": batch.id, "why": f"{type(error).__name__}: {error}"})

    def _header(self, batch: Batch) -> tuple[str, ...] | None:
        return header_of(batch) if self.has_header else self.known_labels

    def _records(self, batch: Batch, raw: bytes) -> Records | None:
        """Those of the batch; None where it is one record that cannot be read."""
        if batch.defect is None:
            return self.reader.read(raw, self._header(batch))
        if batch.defect != OPEN_CELL or not self.has_header:
            return None
        records = self.reader.read(closed(raw, self.quote), self._header(batch))
        return None if any(each.code in _NO_RECORD for each in records.faults) else records

    def _without_blank(self, faults: Sequence[Fault]) -> tuple[Sequence[Fault], list[int]]:
        """The faults that are rejects, and the INDEX of the blank rows that are none."""
        if self.blank_rows_count:
            return faults, []
        blank = [fault.index for fault in faults if fault.code == BLANK_ROW]
        return [fault for fault in faults if fault.code != BLANK_ROW], blank

    def _checked(self, records: Records, header: tuple[str, ...] | None) -> tuple[pl.DataFrame, list[Fault], pl.Series]:
        """The rows that pass, the faults of those that do not, and the INDEX of those that the filter left out."""
        if header is not None:
            columns, filled = self.fields.columns, frozenset(target for step in self.steps for target in step.targets)
            faults = header_faults(header, columns, self.identifying, filled, records.cells[INDEX])
            if faults:
                return self._typed(records.cells.clear()), faults, records.cells[INDEX].clear()
        frame = self._typed(records.cells)
        wanted, left_out = self.filter.apply(frame)
        failing, faults = self.fields.checks.failures(wanted)
        return (wanted.filter(~failing) if faults else wanted), faults, left_out

    def _typed(self, cells: pl.DataFrame) -> pl.DataFrame:
        """INDEX, and each field's text and values; fields that an enrichment fills come after the others."""
        early, late = self.fields.early, self.fields.late
        frame = pl.DataFrame([cells[INDEX], *early.typed(cells)])
        if not late.columns:
            return frame
        for step in self.steps:
            cells = _with_found(cells, step.enrich(frame[step.source]))
        cells = cells.hstack(frame.select(self.fields.borrowed))
        return frame.hstack(late.typed(cells))

    def _identified(self, good: pl.DataFrame, batch: Batch) -> tuple[pl.DataFrame, int]:
        """Rows with their identity, sorted by it; the later ones of an identity are left out and counted."""
        record = pl.col(INDEX) + batch.first_record
        identity = self._identity
        if identity is None:
            identity = record_identity(batch.object_id, record, self.ordered)
        rows = good.select(*self._stored, identity.alias(ID), record.alias(RECORD)).sort(ID, RECORD)
        kept = rows.filter(pl.col(ID).ne_missing(pl.col(ID).shift(1)))
        return kept, rows.height - kept.height

    @cached_property
    def _stored(self) -> tuple[str, ...]:
        return tuple(column.field.name for column in self.columns)

    @cached_property
    def _identity(self) -> pl.Expr | None:
        if not self.unique:
            return None
        columns = {column.field.name: column for column in self.fields.columns}
        exact = frozenset(name for name in self.unique if columns[name].exact)
        order = None
        if self.ordered_by is not None:
            order = order_of_field(self.ordered_by, columns[self.ordered_by].field.type, self.ordered_by in exact)
        return fingerprint([(name, columns[name].field.type) for name in self.unique], exact, order)

    def _no_rows(self) -> pl.DataFrame:
        schema: dict[str, pl.DataType] = {each.field.name: polars_type(each.field, each.exact) for each in self.columns}
        return pl.DataFrame(schema={**schema, ID: pl.Binary(), RECORD: pl.Int64()})


def _with_found(cells: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """What a step found goes before what earlier steps found."""
    for values in found:
        name = found_column(values.name)
        before = [cells[name]] if name in cells.columns else []
        cells = cells.with_columns(pl.coalesce(values, *before).alias(name))
    return cells


def _check_steps(cleaning: Cleaning, steps: Sequence[Step]) -> None:
    kinds = {field.name: field.type for field in cleaning.fields}
    filled = {target for step in steps for target in step.targets} | late_fields(cleaning)
    for number, step in enumerate(steps):
        path = f"spec.cleaning.enrich[{number}].{step.kind}"
        if kinds.get(step.source) not in step.takes:
            raise PlanError(f"{path}.from", f"{step.source!r} is no field of type {' or '.join(step.takes)}")
        if step.source in filled:
            raise PlanError(
                f"{path}.from", f"{step.source!r} is filled by an enrichment itself, or made of a field that is"
            )
        unknown = [target for target in step.targets if target not in kinds]
        if unknown:
            raise PlanError(f"{path}.fields", f"{unknown[0]!r} is no field")
