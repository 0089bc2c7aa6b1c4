"""A record's identity: 16 bytes of SHA-256 over the values that make it unique, as they are stored.

The hashed text is the version, a letter for each field's type, and then per field the value's length in bytes, a
colon and the value; for NULL an `n` stands in the length's place. Each part says where it ends, so no two different
tuples share a text, and NULL is not "". For datetimes of 2026 and "a" it starts with `dcp1;ms;16:17`.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import polars_hash as plh

from dcp_pipeline.spec.model import FieldType

FINGERPRINT_VERSION = 1
FINGERPRINT_BYTES = 16

_LETTERS: dict[FieldType, str] = {
    "string": "s",
    "ip": "s",
    "integer": "i",
    "number": "f",
    "boolean": "b",
    "date": "d",
    "time": "t",
    "datetime": "m",
}


def fingerprint(fields: Sequence[tuple[str, FieldType]]) -> pl.Expr:
    """The identity of rows with these columns, which are typed as clean/types.py says."""
    letters = "".join(_LETTERS[kind] for _, kind in fields)
    parts = [part for name, kind in fields for part in _parts(_as_text(pl.col(name), kind))]
    return _digest(pl.lit(f"dcp{FINGERPRINT_VERSION};{letters};"), *parts)


def record_identity(object_id: str, record: pl.Expr) -> pl.Expr:
    """The identity of rows that have no unique fields: their place. `record` is their number in the object."""
    return _digest(pl.lit(f"dcp{FINGERPRINT_VERSION};@{object_id};"), record.cast(pl.String))


def _digest(*parts: pl.Expr) -> pl.Expr:
    digest: pl.Expr = plh.concat_str(*parts).chash.sha2_256()
    return digest.str.head(2 * FINGERPRINT_BYTES).str.decode("hex")


def _parts(text: pl.Expr) -> tuple[pl.Expr, ...]:
    # One flat concatenation is cheaper than one per field.
    length = text.str.len_bytes().cast(pl.String)
    return length.fill_null("n"), pl.lit(":"), text.fill_null("")


def _as_text(value: pl.Expr, kind: FieldType) -> pl.Expr:
    match kind:
        case "string" | "ip":
            return value
        case "integer":
            return value.cast(pl.String)
        case "number":  # the IEEE 754 bits as a signed integer, with -0.0 as 0.0: they are equal where stored
            return pl.when(value == 0.0).then(0.0).otherwise(value).reinterpret(dtype=pl.Int64).cast(pl.String)
        case "boolean":
            return value.cast(pl.Int64).cast(pl.String)
        case "date":  # days since 1970
            return value.cast(pl.Int32).cast(pl.String)
        case "time":  # microseconds since midnight
            return (value.cast(pl.Int64) // 1000).cast(pl.String)
        case "datetime":  # microseconds since 1970, UTC
            return value.cast(pl.Int64).cast(pl.String)
