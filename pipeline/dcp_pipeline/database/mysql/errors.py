"""MySQL's and MariaDB's errors, sorted by what to do about them."""

from __future__ import annotations

import pymysql

from dcp_pipeline.database.errors import Trouble, driver_error

_CODES = {
    Trouble.AGAIN: {1020, 1205, 1213, 1412, 1637, 3058},
    Trouble.LOST: {
        0, 1040, 1043, 1053, 1077, 1078, 1079, 1129, 1152, 1156, 1157, 1158, 1159, 1160, 1161, 1184, 1203,
        1226, 1317, 1927, 2002, 2003, 2006, 2012, 2013, 2014, 2027, 2045, 2055, 3169, 4031,
    },
    Trouble.FULL: {20, 1021, 1026, 1037, 1038, 1041, 1114},
    Trouble.READ_ONLY: {1290, 1792, 1836, 1874},
    Trouble.ABSENT: {1146, 1932},
    Trouble.DENIED: {
        1044, 1045, 1049, 1130, 1142, 1143, 1227, 1251, 1665, 1698, 1820, 1862, 2026, 2054, 2059, 2061, 3118, 3159,
        4151,
    },
}  # fmt: skip
_FIRST_OF_SQL = 1000
"""Below are those of the server's own files and memory: whatever was asked, it could not do it now."""
_TROUBLE = {code: trouble for trouble, codes in _CODES.items() for code in codes}


def error_code(error: BaseException) -> int | None:
    """The server's number of an error, or the client's."""
    inner = driver_error(error)
    if isinstance(inner, pymysql.err.Error) and inner.args and isinstance(inner.args[0], int):
        return inner.args[0]
    return None


def trouble(error: BaseException) -> Trouble:
    """What kind of failure an error of the driver is."""
    if not isinstance(error, pymysql.err.Error):
        return Trouble.OTHER
    code = error_code(error)
    if code is None:
        return Trouble.LOST if "losed" in str(error) else Trouble.OTHER
    if code in (1, 3, 1030, 1180) and "28" in str(error):  # 1 and 3: a temporary file of the server's
        return Trouble.FULL
    if 0 < code < _FIRST_OF_SQL:
        return _TROUBLE.get(code, Trouble.LOST)
    if code == 2003 and "certificate" in str(error).lower():
        return Trouble.DENIED
    return _TROUBLE.get(code, Trouble.OTHER)
