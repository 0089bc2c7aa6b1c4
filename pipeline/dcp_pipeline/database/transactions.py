"""Whole transactions, tried again as a whole.

After any error the transaction is rolled back explicitly: after a lock wait timeout InnoDB would otherwise keep the
statements before it. A COMMIT whose outcome is unknown is no special case: the work runs again and finds out from
the ledger, because every piece of work here is idempotent.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from dcp_pipeline.database.dialect import WRITES
from dcp_pipeline.database.errors import Trouble, explained, trouble_of
from dcp_pipeline.database.rooms import dialect_of

T = TypeVar("T")
Work = Callable[[Connection], T]


class TryAgain(Exception):
    """Raised by the work itself: another transaction got in between; the whole is to be done again."""


class Patience(msgspec.Struct, frozen=True):
    """How often a transaction is tried, and how long the pauses are: exponential, with full jitter."""

    attempts: int = 8
    lost_attempts: int = 4
    """Of them, after a lost connection."""
    base_seconds: float = 0.05
    longest_seconds: float = 2.0

    def pause(self, failures: int, draw: float) -> float:
        """Seconds to wait after so many failures; `draw` is from [0, 1)."""
        return min(self.longest_seconds, self.base_seconds * 2.0**failures) * draw

    def allows(self, trouble: Trouble, failures: int) -> bool:
        """Whether to try once more."""
        if trouble is Trouble.AGAIN:
            return failures < self.attempts
        return trouble is Trouble.LOST and failures < self.lost_attempts


class Transactions:
    """Runs work in transactions on an engine. Thread-safe.

    Every method raises SinkUnavailable where the database stays away, is full, read-only or refuses us; other
    errors of the driver pass through.
    """

    def __init__(self, engine: Engine, patience: Patience | None = None) -> None:
        self.engine = engine
        self._patience = patience or Patience()
        self._name = engine.url.render_as_string(hide_password=True)
        self._dialect = dialect_of(engine)
        self._errors: tuple[type[Exception], ...] = (SQLAlchemyError, *self._dialect.errors)

    def write(self, work: Work[T]) -> T:
        """The result of `work`, committed; `work` may run several times and must be idempotent."""
        return self._run(work, writes=True)

    def read(self, work: Work[T]) -> T:
        """The result of `work` in a transaction that writes nothing."""
        return self._run(work, writes=False)

    def _run(self, work: Work[T], writes: bool) -> T:
        failures = 0
        while True:
            try:
                return self._once(work, writes)
            except TryAgain as error:
                failures += 1
                if not self._patience.allows(Trouble.AGAIN, failures):
                    raise explained(error, Trouble.AGAIN, self._name) from error
            except self._errors as error:
                failures += 1
                trouble = trouble_of(error, self._dialect)
                if trouble is Trouble.OTHER:
                    raise
                if not self._patience.allows(trouble, failures):
                    raise explained(error, trouble, self._name) from error
            time.sleep(self._patience.pause(failures, random.random()))  # noqa: S311

    def _once(self, work: Work[T], writes: bool) -> T:
        with self.engine.connect().execution_options(**{WRITES: writes}) as connection:
            try:
                result = work(connection)
                if writes:
                    connection.commit()
                else:
                    connection.rollback()
                return result
            except BaseException as error:
                self._abandon(connection, error)
                raise

    def _abandon(self, connection: Connection, error: BaseException) -> None:
        """Roll back; a connection that cannot even do that, or whose stream may be out of step, is closed."""
        try:
            # DENIED too: a session keeps the rights of its database that it had when it was opened.
            if not isinstance(error, Exception) or trouble_of(error, self._dialect) in (Trouble.LOST, Trouble.DENIED):
                connection.invalidate(error)
            connection.rollback()
        except self._errors:
            connection.invalidate(error)
