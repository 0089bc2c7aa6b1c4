"""What an identity begins with in a table that is kept in order: 4 bytes that grow with a field, or a record's place.

New rows then touch the pages of the unique key that were touched last, however large the table is (docs/adr/0087).
Two records may well share a beginning: what tells them apart are the 16 bytes of their hash behind it. All of it is
repeated in SQL by sink/mysql/move.py, for rows that stand in a table of an older release.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from dcp_pipeline.spec.model import FieldType

ORDER_BYTES = 4
_MOST = 2**32 - 1
_DAY_ZERO = 2**31
_EXACT_BITS = 25
"""Integers of so many bits are told apart; of larger ones the leading bits are."""
_LEADING = 1 << (_EXACT_BITS - 1)
RECORDS_PER_STEP = 8192
"""Records of an object that share a beginning: a batch."""
STEPS = 2**16


def order_of_field(name: str, kind: FieldType, exact: bool = False) -> pl.Expr:
    """A number of 32 bits that never falls as the field's value grows; 0 for NULL. `exact` values are texts."""
    value = pl.col(name)
    match kind:
        case "datetime":
            order = value.cast(pl.Int64).floordiv(1_000_000).clip(0, _MOST)
        case "date":
            order = value.cast(pl.Int32).cast(pl.Int64) + _DAY_ZERO
        case _:
            order = _of_integer(_within_64_bits(value) if exact else value)
            order = pl.when(value.is_not_null()).then(order)
    return order.fill_null(0)


def order_of_place(object_id: str | pl.Expr, record: pl.Expr) -> pl.Expr:
    """Of a record without unique fields: those of an object lie together, and in it in their order."""
    steps = ((record - 1) // RECORDS_PER_STEP).clip(0, STEPS - 1)
    if isinstance(object_id, str):
        return steps.cast(pl.Int64) + int(object_id[:4], 16) * STEPS
    return steps.cast(pl.Int64) + object_id.str.head(4).str.to_integer(base=16) * STEPS


def _within_64_bits(text: pl.Expr) -> pl.Expr:
    """Integers as texts; what is larger or smaller is the end on its side."""
    end = pl.when(text.str.starts_with("-")).then(-(2**63) + 1).otherwise(2**63 - 1)
    return text.cast(pl.Int64, strict=False).fill_null(end)


def _of_integer(value: pl.Expr) -> pl.Expr:
    """Sign, length in bits, leading bits: a float of 32 bits by integers alone, for SQL to repeat."""
    size = value.clip(-(2**63) + 1, None).abs()
    # Cut to the 53 bits of a float before it becomes one, so that nothing is rounded up; its bits are those wanted.
    whole = pl.when(size < 2**53).then(size).otherwise(size - size % 1024)
    bits = whole.cast(pl.Float64).reinterpret(dtype=pl.Int64) // (1 << (53 - _EXACT_BITS))
    leading = bits - (1023 + _EXACT_BITS - 2) * _LEADING
    grown = pl.when(size < 2 * _LEADING).then(size).otherwise(leading)
    return pl.when(value < 0).then(_DAY_ZERO - grown).otherwise(_DAY_ZERO + grown)


def as_hex(order: pl.Expr) -> pl.Expr:
    """A number of 32 bits as 8 hexadecimal digits."""
    digits = _digits()
    return pl.concat_str(pl.lit(digits).gather(order // len(digits)), pl.lit(digits).gather(order % len(digits)))


@cache
def _digits() -> pl.Series:
    """Of all numbers of 16 bits."""
    byte = pl.DataFrame({"n": [f"{n:02x}" for n in range(256)]})
    return byte.join(byte, how="cross").select(pl.concat_str("n", "n_right")).to_series()
