"""A record's identity: 16 bytes of SHA-256 over the values that make it unique, as they are stored. In a table that is
kept in order, 4 bytes of order.py stand before them.

The hashed text is the version, a letter for each field's type, and then per field the value's length in bytes, a
colon and the value; for NULL an `n` stands in the length's place. Each part says where it ends, so no two different
tuples share a text, and NULL is not "". For datetimes of 2026 and "a" it starts with `dcp1;ms;16:17`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import polars as pl
import polars_hash as plh

from dcp_pipeline.spec.model import FieldType
from dcp_worker.ground.order import as_hex, order_of_place

FINGERPRINT_VERSION = 1
ORDERED_VERSION = 2
"""Of identities that begin with their order: what an older release would write beside them is refused by it."""
FINGERPRINT_BYTES = 16

_FLOAT_DIGITS = 15
"""Every decimal number of so many digits comes back from a 64-bit float as it was."""
_LETTERS: dict[FieldType, str] = {
    "string": "s",
    "ip": "s",
    "integer": "i",
    "number": "f",
    "decimal": "e",
    "boolean": "b",
    "date": "d",
    "time": "t",
    "datetime": "m",
}


def fingerprint(
    fields: Sequence[tuple[str, FieldType]], exact: frozenset[str] = frozenset(), order: pl.Expr | None = None
) -> pl.Expr:
    """The identity of rows with these columns, which are typed as clean/types says; those of `exact` are texts of
    numbers. `order` is what it is to begin with."""
    letters = "".join(_LETTERS[kind] for _, kind in fields)
    parts = [part for name, kind in fields for part in _parts(_as_text(pl.col(name), kind, name in exact))]
    return _digest(pl.lit(f"dcp{FINGERPRINT_VERSION};{letters};"), *parts, order=order)


def record_identity(object_id: str | pl.Expr, record: pl.Expr, ordered: bool = False) -> pl.Expr:
    """The identity of rows that have no unique fields: their place. `record` is their number in the object, which is
    one for all of them or that of a column."""
    order = order_of_place(object_id, record) if ordered else None
    if isinstance(object_id, str):
        place = [pl.lit(f"dcp{FINGERPRINT_VERSION};@{object_id};")]
    else:
        place = [pl.lit(f"dcp{FINGERPRINT_VERSION};@"), object_id, pl.lit(";")]
    return _digest(*place, record.cast(pl.String), order=order)


def _digest(*parts: pl.Expr, order: pl.Expr | None) -> pl.Expr:
    digest: pl.Expr = plh.concat_str(*parts).chash.sha2_256()
    digits = digest.str.head(2 * FINGERPRINT_BYTES)
    return (digits if order is None else pl.concat_str(as_hex(order), digits)).str.decode("hex")


def _parts(text: pl.Expr) -> tuple[pl.Expr, ...]:
    # One flat concatenation is cheaper than one per field.
    length = text.str.len_bytes().cast(pl.String)
    return length.fill_null("n"), pl.lit(":"), text.fill_null("")


def _as_text(value: pl.Expr, kind: FieldType, exact: bool) -> pl.Expr:
    if exact:
        return value.map_batches(_exact_number, return_dtype=pl.String) if kind == "number" else _digits(value)
    match kind:
        case "string" | "ip":
            return value
        case "integer":
            return value.cast(pl.String)
        case "number":
            return _bits(value)
        case "decimal":
            return _digits(value)
        case "boolean":
            return value.cast(pl.Int64).cast(pl.String)
        case "date":  # days since 1970
            return value.cast(pl.Int32).cast(pl.String)
        case "time":  # microseconds since midnight
            return (value.cast(pl.Int64) // 1000).cast(pl.String)
        case "datetime":  # microseconds since 1970, UTC
            return value.cast(pl.Int64).cast(pl.String)


def _bits(number: pl.Expr) -> pl.Expr:
    """The IEEE 754 bits as a signed integer, with -0.0 as 0.0: they are equal where stored."""
    return pl.when(number == 0.0).then(0.0).otherwise(number).reinterpret(dtype=pl.Int64).cast(pl.String)


def _digits(number: pl.Expr) -> pl.Expr:
    """Without the zeros at its end, of which a DECIMAL column may have more or fewer one day."""
    stripped = number.str.strip_chars_end("0").str.strip_chars_end(".")
    return pl.when(number.str.contains(".", literal=True)).then(stripped).otherwise(number)


def _exact_number(numbers: pl.Series) -> pl.Series:
    """As of the float, which is what tables had before they were exact; of what no float is, the digits."""
    floats = numbers.cast(pl.Float64)
    told = floats.to_frame("n").select(_bits(pl.col("n"))).to_series()
    places = ((numbers.str.len_bytes() > _FLOAT_DIGITS) & numbers.is_not_null()).fill_null(False).arg_true()
    long = zip(numbers.gather(places), floats.gather(places), told.gather(places), strict=True)
    texts = [bits if Decimal(digits) == Decimal(repr(near)) else f"={digits}" for digits, near, bits in long]
    return told.scatter(places, pl.Series(texts, dtype=pl.String))
