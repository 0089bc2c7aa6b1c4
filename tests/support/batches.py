"""Batches and plans for tests, made from text and YAML-like dictionaries."""

from __future__ import annotations

from typing import Any

import msgspec

from dcp_pipeline.batch import Batch, compress, digest_of
from dcp_pipeline.spec.model import Cleaning, Field, Format
from dcp_pipeline.spec.units import decode_unit


def batch_of(
    raw: bytes,
    header: str | None = "a,b,c",
    *,
    start: int = 0,
    first_record: int = 1,
    first_line: int = 2,
    defect: str | None = None,
    end: int | None = None,
    object_id: str = "object",
) -> Batch:
    """A batch of these bytes; the header's labels are separated by commas. `records` is not what tests look at."""
    return Batch(
        id="b" * 32,
        pipeline="default/test",
        source="source",
        object_id=object_id,
        uri="file:///test",
        sequence=0,
        start=start,
        end=start + len(raw) if end is None else end,
        records=0,
        first_record=first_record,
        first_line=first_line,
        digest=digest_of(raw),
        revision="r" * 32,
        header=tuple(header.split(",")) if header is not None else None,
        defect=defect,
        body=compress(raw),
    )


def cleaning_of(*fields: dict[str, Any], **others: Any) -> Cleaning:
    """`cleaning` as it stands in YAML."""
    return msgspec.convert({"fields": list(fields), **others}, Cleaning, dec_hook=decode_unit)


def field_of(name: str = "value", **others: Any) -> Field:
    """One field as it stands in YAML."""
    return msgspec.convert({"name": name, **others}, Field, dec_hook=decode_unit)


def format_of(type: str = "csv", **others: Any) -> Format:
    """`format` as it stands in YAML."""
    return msgspec.convert({"type": type, **others}, Format, dec_hook=decode_unit)
