"""What a real column can hold: told by the sink, checked by the cleaning plan before a value reaches the database."""

from __future__ import annotations

import msgspec


class ColumnLimit(msgspec.Struct, frozen=True):
    """Bounds of one column; None where the column sets none.

    `scale` is the number of decimals that are kept (of a DECIMAL, or of a DATETIME's seconds), `digits` the most before
    a DECIMAL's point. `exact`: it keeps numbers that no 64-bit integer or float is.
    """

    sql_type: str
    max_chars: int | None = None
    max_bytes: int | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    scale: int | None = None
    nullable: bool = True
    digits: int | None = None
    exact: bool = False
    single_precision: bool = False
    """It keeps numbers in 32 bits."""
    members: tuple[str, ...] | None = None
    """The texts that an ENUM has."""
    trailing_blanks: bool = True
    """Whether blanks at a text's end are kept."""
    zero: bool = True
    """Whether a 0 stays one: a column that counts by itself makes the next number of it."""
