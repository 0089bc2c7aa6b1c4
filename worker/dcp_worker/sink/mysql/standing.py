"""Which identities of a batch stand in the table already."""

from __future__ import annotations

from typing import Any

import polars as pl

from dcp_worker.sink.shape import ID, CleanTable

_IDS_PER_LOOK = 5_000


def fresh_positions(driver: Any, table: CleanTable, rows: pl.DataFrame) -> pl.Series:
    """The positions of the rows whose identity does not stand in the table of MySQL or MariaDB, as far as this
    transaction sees: another one may insert it the next moment."""
    standing: list[bytes] = []
    with driver.cursor() as cursor:
        for part in rows[ID].bin.encode("hex").to_frame("id").iter_slices(_IDS_PER_LOOK):
            identities = "x'" + part["id"].str.join("',x'").item() + "'"
            cursor.execute(f"SELECT `{ID}` FROM {table.quoted} WHERE `{ID}` IN ({identities})")  # noqa: S608
            standing += [row[0] for row in cursor.fetchall()]
    known = rows[ID].is_in(pl.Series(standing, dtype=pl.Binary).implode())
    return (~known).arg_true()
