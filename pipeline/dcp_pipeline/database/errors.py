"""What can go wrong with the sink's database, sorted by what to do about it. Messages never hold a password."""

from __future__ import annotations

import sqlite3
from enum import StrEnum

import pymysql
import sqlalchemy.exc


class LedgerError(Exception):
    """The ledger, or the table beside it, is not what it should be."""


class LedgerConflict(LedgerError):
    """What is to be recorded contradicts what stands in the ledger."""


class LedgerVersion(LedgerError):
    """The ledger's tables were made by a newer release."""


class TableMismatch(LedgerError):
    """The clean table's shape would lose or change values. The message says what to alter."""


class SinkUnavailable(LedgerError):
    """The database cannot take the work now; it is to be tried again later. Nothing was kept."""


class SinkDenied(SinkUnavailable):
    """The database refuses this user, or does not know the database: the settings are to be mended."""


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


_MYSQL = {
    Trouble.AGAIN: {1020, 1205, 1213, 1637, 3058},
    Trouble.LOST: {
        0, 1040, 1043, 1053, 1077, 1078, 1079, 1129, 1152, 1156, 1157, 1158, 1159, 1160, 1161, 1184, 1203,
        1226, 1317, 1927, 2002, 2003, 2006, 2012, 2013, 2014, 2027, 2045, 2055, 3169, 4031,
    },
    Trouble.FULL: {1021, 1026, 1037, 1038, 1041, 1114},
    Trouble.READ_ONLY: {1290, 1792, 1836, 1874},
    Trouble.ABSENT: {1146},
    Trouble.DENIED: {
        1044, 1045, 1049, 1130, 1142, 1143, 1227, 1251, 1698, 1820, 1862, 2026, 2054, 2059, 2061, 3118, 3159,
    },
}  # fmt: skip
_MYSQL_TROUBLE = {code: trouble for trouble, codes in _MYSQL.items() for code in codes}
_SQLITE_TROUBLE = {
    sqlite3.SQLITE_BUSY: Trouble.AGAIN,
    sqlite3.SQLITE_LOCKED: Trouble.AGAIN,
    sqlite3.SQLITE_FULL: Trouble.FULL,
    sqlite3.SQLITE_IOERR: Trouble.FULL,
    sqlite3.SQLITE_READONLY: Trouble.READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: Trouble.DENIED,
    sqlite3.SQLITE_PERM: Trouble.DENIED,
    sqlite3.SQLITE_AUTH: Trouble.DENIED,
    sqlite3.SQLITE_NOTADB: Trouble.DENIED,
    sqlite3.SQLITE_CORRUPT: Trouble.DENIED,
}
_ADVICE = {
    Trouble.AGAIN: "locks are held by others for too long; it is tried again later",
    Trouble.LOST: "it is tried again later",
    Trouble.FULL: "free space on the database's disk (or raise its limit); work goes on by itself then",
    Trouble.READ_ONLY: "make the database writable again (read_only, file permissions, a failed-over replica)",
    Trouble.DENIED: "mend the sink's URL, user, password, TLS settings or grants",
    Trouble.ABSENT: "the pipeline makes its tables when it first runs; has it run with this sink?",
    Trouble.OTHER: "it is tried again later",
}
OF_DRIVERS = (sqlalchemy.exc.SQLAlchemyError, pymysql.err.Error, sqlite3.Error)
"""What a database call can raise, through SQLAlchemy or beside it."""


def driver_error(error: BaseException) -> BaseException:
    """The driver's own error inside SQLAlchemy's."""
    inner = getattr(error, "orig", None)
    return inner if isinstance(inner, BaseException) else error


def error_code(error: BaseException) -> int | None:
    """MySQL's or SQLite's number of an error."""
    inner = driver_error(error)
    if isinstance(inner, sqlite3.Error):
        code = getattr(inner, "sqlite_errorcode", None)
        return None if code is None else code & 0xFF
    if isinstance(inner, pymysql.err.Error) and inner.args and isinstance(inner.args[0], int):
        return inner.args[0]
    return None


def trouble_of(error: BaseException) -> Trouble:
    """What kind of failure an error is."""
    inner, code = driver_error(error), error_code(error)
    if isinstance(inner, sqlite3.Error):
        if "no such table" in str(inner):
            return Trouble.ABSENT
        return Trouble.OTHER if code is None else _SQLITE_TROUBLE.get(code, Trouble.OTHER)
    if isinstance(inner, sqlalchemy.exc.TimeoutError):
        return Trouble.LOST
    if isinstance(inner, pymysql.err.Error):
        if code is None:
            return Trouble.LOST if "losed" in str(inner) else Trouble.OTHER
        if code in (1030, 1180) and "28" in str(inner):
            return Trouble.FULL
        if code == 2003 and "certificate" in str(inner).lower():
            return Trouble.DENIED
        return _MYSQL_TROUBLE.get(code, Trouble.OTHER)
    return Trouble.OTHER


def short(error: BaseException) -> str:
    """The driver's own words, without SQLAlchemy's statement and parameters."""
    inner = driver_error(error)
    words = [str(each) for each in inner.args] if inner.args else [type(inner).__name__]
    return ": ".join(words)[:500]


def explained(error: BaseException, where: str) -> SinkUnavailable:
    """The error as SinkUnavailable, saying where it happened and what to do."""
    trouble = trouble_of(error)
    kind = SinkDenied if trouble is Trouble.DENIED else SinkUnavailable
    return kind(f"{where}: {short(error)} ({_ADVICE[trouble]})")
