"""Dotted quads: how they look, and what number they are."""

from __future__ import annotations

import polars as pl

_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"

IPV4 = rf"(?:{_BYTE}\.){{3}}{_BYTE}"
"""Pattern of a dotted quad, without anchors."""

QUAD = rf"\A{IPV4}\z"
"""Pattern of a text that is one."""


def quad_numbers(addresses: pl.Series) -> pl.Series:
    """Dotted quads as numbers of 32 bits; null for other text."""
    text = pl.col(addresses.name)
    quads = pl.when(text.str.contains(QUAD)).then(text).str.split_exact(".", 3)
    parts = [pl.col("quad").struct.field(f"field_{place}").cast(pl.UInt32) for place in range(4)]
    number = parts[0] * 2**24 + parts[1] * 2**16 + parts[2] * 2**8 + parts[3]
    # In two steps, or Polars would split the texts once for each part.
    return addresses.to_frame().select(quads.alias("quad")).select(number.alias("number")).to_series()
