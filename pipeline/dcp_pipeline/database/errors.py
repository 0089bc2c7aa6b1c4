"""What can go wrong with the sink's database, sorted by what to do about it. Messages never hold a password."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy.exc

if TYPE_CHECKING:
    from dcp_pipeline.database.dialect import Dialect


class LedgerError(Exception):
    """The ledger, or the table beside it, is not what it should be."""


class LedgerConflict(LedgerError):
    """What is to be recorded contradicts what stands in the ledger."""


class LedgerWentBack(LedgerConflict):
    """The ledger has forgotten what it had committed: a crash without flushed logs, a failover to a replica that lags,
    a restored dump. What it says now is to be read anew."""


class LedgerVersion(LedgerError):
    """The ledger's tables were made by a newer release."""


class TableMismatch(LedgerError):
    """The clean table's shape would lose or change values. The message says what to alter."""


class SinkUnavailable(LedgerError):
    """The database cannot take the work now; it is to be tried again later. Nothing was kept."""


class SinkBusy(SinkUnavailable):
    """Others hold the locks, however often it was tried."""


class NeedsAPerson(SinkUnavailable):
    """No waiting mends it: somebody has to do what the message says."""


class SinkDenied(NeedsAPerson):
    """The database refuses this user, or does not know the database: the settings are to be mended."""


class SinkFull(NeedsAPerson):
    """The disk of the database is full."""


class SinkReadOnly(NeedsAPerson):
    """The database takes no writes."""


class InfileRefused(LedgerError):
    """The server asked for a file that it was not offered. The connection was closed at once."""


class Trouble(StrEnum):
    """What kind of failure a driver's error is."""

    AGAIN = "again"
    """Deadlock, lock wait: the same transaction may succeed at once."""
    LOST = "lost"
    """The connection is gone; whether a COMMIT that was sent took place is unknown."""
    FULL = "full"
    READ_ONLY = "read-only"
    DENIED = "denied"
    ABSENT = "absent"
    """A table is not there: the pipeline never ran here."""
    OTHER = "other"


_ADVICE = {
    Trouble.AGAIN: "locks are held by others for too long; it is tried again later",
    Trouble.LOST: "it is tried again later",
    Trouble.FULL: "free space on the database's disk (or raise its limit); work goes on by itself then",
    Trouble.READ_ONLY: "make the database writable again (read_only, file permissions, a failed-over replica)",
    Trouble.DENIED: "mend the sink's URL, user, password, TLS settings or grants",
    Trouble.ABSENT: "the pipeline makes its tables when it first runs; has it run with this sink?",
    Trouble.OTHER: "it is tried again later",
}
_KINDS = {Trouble.AGAIN: SinkBusy, Trouble.DENIED: SinkDenied, Trouble.FULL: SinkFull, Trouble.READ_ONLY: SinkReadOnly}


def driver_error(error: BaseException) -> BaseException:
    """The driver's own error inside SQLAlchemy's."""
    inner = getattr(error, "orig", None)
    return inner if isinstance(inner, BaseException) else error


def trouble_of(error: BaseException, dialect: Dialect) -> Trouble:
    """What kind of failure an error is."""
    inner = driver_error(error)
    if isinstance(inner, sqlalchemy.exc.TimeoutError):
        return Trouble.LOST
    return dialect.trouble(inner)


def short(error: BaseException) -> str:
    """The driver's own words, without SQLAlchemy's statement and parameters."""
    inner = driver_error(error)
    words = [str(each) for each in inner.args] if inner.args else [type(inner).__name__]
    return ": ".join(words)[:500]


def explained(error: BaseException, trouble: Trouble, where: str) -> SinkUnavailable:
    """The error as SinkUnavailable, saying where it happened and what to do."""
    return _KINDS.get(trouble, SinkUnavailable)(f"{where}: {short(error)} ({_ADVICE[trouble]})")
