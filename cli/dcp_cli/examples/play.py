"""What becomes of an example, and where that is not what it wants."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec

from dcp_cli.examples.model import Document, Example, Refused, rows_wanted, served
from dcp_fetcher.ground.errors import FetchError
from dcp_fetcher.sample import sample
from dcp_pipeline.setup import Setup
from dcp_pipeline.spec.model import FileSource, Source
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.clean.preview import PreviewRecord, clean_preview

_MOST_RECORDS = 1000
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


class Played(msgspec.Struct, frozen=True):
    """One example, with what is not as it wants; nothing where all is."""

    name: str
    wrong: tuple[str, ...]


def play(setup: Setup, source: Source, plan: CleaningPlan, document: Document, example: Example, number: int) -> Played:
    """Play one example."""
    name = example.name or f"example {number}"
    try:
        records = _records(setup, source, plan, served(document, example, source.format))
    except (FetchError, ValueError) as error:
        return Played(name, (f"cannot be read: {error}",))
    return Played(name, tuple(differences(example, records)))


def _records(setup: Setup, source: Source, plan: CleaningPlan, data: bytes) -> list[PreviewRecord]:
    with tempfile.NamedTemporaryFile(prefix="dcp-example-") as file:
        file.write(data)
        file.flush()
        elsewhere = dict.fromkeys(source.given)
        there = msgspec.structs.replace(
            source, **{**elsewhere, "file": FileSource(path=str(Path(file.name).resolve()))}
        )
        batches = sample(setup, there, _MOST_RECORDS).batches
        return [each for batch in batches for each in clean_preview(plan, batch, batch.records)]


def differences(example: Example, records: list[PreviewRecord]) -> Iterator[str]:
    """A sentence for each thing that is not as the example wants it. Pure."""
    if not records:
        yield "there is no record in it"
    elif example.reject is not None:
        yield from _refusal(example.reject, records[-1])
    elif example.dropped is not None:
        became = _became(records[-1])
        if became != example.dropped:
            yield f"wanted: {example.dropped}; it is {became}{_why(records[-1])}"
    else:
        yield from _rows(example, records)


def _rows(example: Example, records: list[PreviewRecord]) -> Iterator[str]:
    wanted = rows_wanted(example)
    rows = [each.row for each in records if each.row is not None]
    for each in records:
        if each.row is None and len(rows) < len(wanted):
            yield f"record {each.record}: wanted: a row; it is {_became(each)}{_why(each)}"
    if len(rows) > len(wanted):
        yield f"wanted: {len(wanted)} rows; there are {len(rows)}"
    for n, (row, want) in enumerate(zip(rows, wanted, strict=False), 1):
        for field, value in want.items():
            if not same(row.get(field), value):
                at = f"row {n}: " if len(wanted) > 1 else ""
                yield f"{at}{field}: wanted: {shown(value)}; it is {shown(row.get(field))}"


def _refusal(wanted: Refused, record: PreviewRecord) -> Iterator[str]:
    if record.reject is None:
        yield f"wanted: a reject; it is {_became(record)}{_why(record)}"
        return
    for name in ("code", "field"):
        want, have = getattr(wanted, name), getattr(record.reject, name)
        if want is not None and want != have:
            yield f"{name} of the reject: wanted: {want}; it is {have} ({record.reject.reason})"
    if wanted.reason is not None and wanted.reason not in record.reject.reason:
        yield f"reason of the reject: wanted: {wanted.reason!r} in it; it is {record.reject.reason!r}"


def _became(record: PreviewRecord) -> str:
    if record.row is not None:
        return "a row"
    if record.reject is not None:
        return "rejected"
    return "filtered" if record.filtered else "duplicate"


def _why(record: PreviewRecord) -> str:
    if record.reject is None:
        return f": {_shown_row(record.row)}" if record.row is not None else ""
    at = f" in {record.reject.field}" if record.reject.field else ""
    return f" ({record.reject.code}{at}: {record.reject.reason})"


def _shown_row(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={shown(value)}" for name, value in row.items())


def same(have: Any, want: Any) -> bool:
    """Whether a row's value is the one that was written in YAML, where dates, times and decimals are texts."""
    if have is None or want is None or isinstance(have, bool) or isinstance(want, bool):
        return have is want
    # Decimals come as texts; a text such as 007 is no number.
    written = isinstance(have, str) and isinstance(want, int | float) and _NUMBER.fullmatch(have)
    if written or isinstance(have, int | float | Decimal):
        try:
            return Decimal(str(have)) == Decimal(str(want))
        except InvalidOperation:
            return False
    if isinstance(have, datetime):
        try:
            return have.replace(tzinfo=None) == datetime.fromisoformat(str(want)).replace(tzinfo=None)
        except ValueError:
            return False
    return shown(have) == shown(want)


def shown(value: Any) -> str:
    """A value as YAML would have it."""
    if value is None:
        return "null"
    return str(value)
