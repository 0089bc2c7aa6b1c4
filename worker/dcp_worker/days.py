"""What this process's batches bring, added up until it is noted in the ledger: `expect.unusual`.

Of rows, not of records: a field of a rejected record may be anything.
"""

from __future__ import annotations

import logging
import threading
import time
from array import array
from collections.abc import Callable
from datetime import UTC, datetime

import polars as pl

from dcp_pipeline.database.errors import LedgerError
from dcp_pipeline.ledger.looking.days import SKETCH, Day, FieldDay, Noted, together

log = logging.getLogger(__name__)
EVERY_SECONDS = 30.0
_LOW = 2**60
"""A sixteenth of all hashes: where there are enough of them the others need not be looked at."""


class Days:
    """seen() by whoever commits, from any thread; note() from time to time, and at the end."""

    def __init__(self, note: Callable[[Noted], None], clock: Callable[[], float] = time.time) -> None:
        self._note, self._clock = note, clock
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], Day] = {}
        self._noted_at = clock()

    def seen(self, source: str, records: int, rows: pl.DataFrame) -> None:
        """They were committed."""
        day = f"{datetime.fromtimestamp(self._clock(), UTC):%Y-%m-%d}"
        self._add({(source, day): day_of(records, rows)})

    def note(self, at_once: bool = False) -> None:
        """In the ledger; where that is away, later."""
        with self._lock:
            if not self._seen or not (at_once or self._clock() - self._noted_at >= EVERY_SECONDS):
                return
            seen, self._seen, self._noted_at = self._seen, {}, self._clock()
        try:
            self._note(seen)
        except LedgerError as error:
            log.debug("the day's figures are noted later", extra={"error": str(error)})
            self._add(seen)

    def _add(self, more: Noted) -> None:
        with self._lock:
            for key, day in more.items():
                self._seen[key] = together(self._seen[key], day) if key in self._seen else day


def day_of(records: int, rows: pl.DataFrame) -> Day:
    """The figures of one batch; columns of ours are no fields."""
    fields = {each.name: _field(each) for each in rows.iter_columns() if not each.name.startswith("_dcp_")}
    return Day(records, fields)


def _field(values: pl.Series) -> FieldDay:
    every = values.drop_nulls().hash(0)
    hashes = every.filter(every < _LOW).unique()
    if len(hashes) < SKETCH:  # few values: all of them count
        hashes = every.unique()
    hashes = hashes.sort().head(SKETCH)
    return FieldDay(
        len(values), values.null_count(), array("Q", hashes.to_list()).tobytes(), f"polars {pl.__version__}"
    )
