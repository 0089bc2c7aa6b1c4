"""A number in the ledger that the fetcher raises with every object that it closes, in the same transaction.

Should the database lose its last commits, fail over to a replica that lags, or be restored, the number goes back with
them: whoever remembers a higher one knows that what it has committed is to be looked for again.
"""

from __future__ import annotations

import secrets
import threading

from sqlalchemy import Connection, insert, select, update

from dcp_pipeline.ledger.tables import META


class Epoch:
    """The number as this process knows it. Thread-safe.

    `raised` works inside a transaction; `known` is to be called once it is committed.
    """

    def __init__(self, pipeline: str) -> None:
        self._name, self._token = f"epoch/{pipeline}", secrets.token_hex(8)
        self._lock = threading.Lock()
        self._number = 0
        self._went_back = False

    def raised(self, connection: Connection) -> int:
        """Raise the number, and see whether it is the one that is remembered. The caller commits, then calls known."""
        remembered, row = self._number, select(META.c.value).where(META.c.name == self._name)
        found = connection.execute(row.with_for_update()).scalar()
        number = self._see(found, remembered) + 1
        value = f"{self._token}.{number}"
        if found is None:
            connection.execute(insert(META).values(name=self._name, value=value))
        else:
            connection.execute(update(META).where(META.c.name == self._name).values(value=value))
        return number

    def looked(self, connection: Connection) -> None:
        """See whether the number is the one that is remembered; nothing is written."""
        # Remembered before it is read: it may be raised in between.
        remembered, row = self._number, select(META.c.value).where(META.c.name == self._name)
        self._see(connection.execute(row).scalar(), remembered)

    def known(self, number: int) -> None:
        """The transaction that raised it so far is committed."""
        with self._lock:
            self._number = max(self._number, number)

    def went_back(self) -> bool:
        """Whether it was seen to be lower, or another's, since this was asked last."""
        with self._lock:
            went_back, self._went_back = self._went_back, False
            if went_back:
                self._number = 0
        return went_back

    def _see(self, found: str | None, remembered: int) -> int:
        token, _, number = (found or "").rpartition(".")
        at = int(number) if token == self._token else 0
        with self._lock:
            self._went_back |= at < remembered
        return at
