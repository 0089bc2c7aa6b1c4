"""SQLite's errors, sorted by what to do about them."""

from __future__ import annotations

import sqlite3

from dcp_pipeline.database.errors import Trouble

_TROUBLE = {
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


def trouble(error: BaseException) -> Trouble:
    """What kind of failure an error of the driver is."""
    if not isinstance(error, sqlite3.Error):
        return Trouble.OTHER
    if "no such table" in str(error):
        return Trouble.ABSENT
    code = getattr(error, "sqlite_errorcode", None)
    return Trouble.OTHER if code is None else _TROUBLE.get(code & 0xFF, Trouble.OTHER)
