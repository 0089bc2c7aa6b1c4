from __future__ import annotations

import sqlite3

import pymysql
import pytest
import sqlalchemy.exc

from dcp_pipeline.database.errors import SinkFull, Trouble, explained, trouble_of
from dcp_pipeline.database.rooms import room_called
from dcp_pipeline.ledger import Patience, SinkDenied, SinkUnavailable

MYSQL, SQLITE = room_called("mysql"), room_called("sqlite")


def wrapped(error: Exception) -> Exception:
    return sqlalchemy.exc.OperationalError("SELECT 'secret row'", {"password": "secret"}, error)


@pytest.mark.parametrize(
    ("code", "message", "trouble"),
    [
        (1213, "Deadlock found", Trouble.AGAIN),
        (1205, "Lock wait timeout exceeded", Trouble.AGAIN),
        (2006, "MySQL server has gone away", Trouble.LOST),
        (2013, "Lost connection", Trouble.LOST),
        (1927, "Connection was killed", Trouble.LOST),
        (1053, "Server shutdown in progress", Trouble.LOST),
        (1040, "Too many connections", Trouble.LOST),
        (1114, "The table 'clean' is full", Trouble.FULL),
        (1030, "Got error 28 from storage engine", Trouble.FULL),
        (3, "Error writing file '/tmp/MYfd=91' (Errcode: 28 \"No space left on device\")", Trouble.FULL),
        (23, "Out of resources when opening file './clean/t.MYD' (Errcode: 24)", Trouble.LOST),
        (5, "Out of memory (Needed 65536 bytes)", Trouble.LOST),
        (20, "Disk got full writing './clean/t'", Trouble.FULL),
        (1290, "running with the --read-only option", Trouble.READ_ONLY),
        (1045, "Access denied", Trouble.DENIED),
        (2003, "Can't connect (certificate verify failed)", Trouble.DENIED),
        (2003, "Can't connect (timed out)", Trouble.LOST),
        (4151, "Access denied, this account is locked", Trouble.DENIED),
        (1412, "Table definition has changed, please retry transaction", Trouble.AGAIN),
        (1146, "Table doesn't exist", Trouble.ABSENT),
        (1932, "Table doesn't exist in engine", Trouble.ABSENT),
        (1264, "Out of range value", Trouble.OTHER),
    ],
)
def test_mysqls_errors_are_sorted_by_what_to_do(code: int, message: str, trouble: Trouble) -> None:
    error = pymysql.err.OperationalError(code, message)
    assert trouble_of(error, MYSQL) is trouble
    assert trouble_of(wrapped(error), MYSQL) is trouble


def test_sqlites_errors_are_sorted_by_what_to_do() -> None:
    connection = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError) as absent:
        connection.execute("SELECT * FROM t")
    assert trouble_of(absent.value, SQLITE) is Trouble.ABSENT
    connection.execute("CREATE TABLE t (a TEXT)")
    connection.execute("PRAGMA max_page_count = 2")
    with pytest.raises(sqlite3.OperationalError) as full:
        connection.execute("INSERT INTO t VALUES (?)", ("x" * 100_000,))
    assert trouble_of(full.value, SQLITE) is Trouble.FULL
    connection.execute("PRAGMA query_only = 1")
    with pytest.raises(sqlite3.OperationalError) as read_only:
        connection.execute("INSERT INTO t VALUES ('x')")
    assert trouble_of(read_only.value, SQLITE) is Trouble.READ_ONLY


def test_an_explained_error_says_where_and_what_to_do_and_no_statement() -> None:
    full = wrapped(pymysql.err.OperationalError(1114, "The table 'clean' is full"))
    error = explained(full, trouble_of(full, MYSQL), "mysql://dcp@db/clean")
    assert type(error) is SinkFull
    assert isinstance(error, SinkUnavailable)
    assert str(error).startswith("mysql://dcp@db/clean: 1114: The table 'clean' is full (free space")
    assert "secret" not in str(error)


@pytest.mark.parametrize(("code", "kind"), [(1045, SinkDenied), (1146, SinkUnavailable), (2013, SinkUnavailable)])
def test_each_trouble_has_its_own_error(code: int, kind: type[Exception]) -> None:
    error = pymysql.err.OperationalError(code, "no")
    assert type(explained(error, trouble_of(error, MYSQL), "here")) is kind


@pytest.mark.parametrize(
    ("trouble", "failures", "again"),
    [
        (Trouble.AGAIN, 1, True),
        (Trouble.AGAIN, 7, True),
        (Trouble.AGAIN, 8, False),
        (Trouble.LOST, 3, True),
        (Trouble.LOST, 4, False),
        (Trouble.FULL, 1, False),
        (Trouble.DENIED, 1, False),
    ],
)
def test_only_what_may_succeed_at_once_is_tried_again(trouble: Trouble, failures: int, again: bool) -> None:
    assert Patience().allows(trouble, failures) is again


def test_pauses_grow_to_a_limit_and_are_drawn_from_the_whole_of_it() -> None:
    patience = Patience(base_seconds=0.1, longest_seconds=1.0)
    assert [patience.pause(failures, 1.0) for failures in (1, 2, 3, 4, 9)] == [0.2, 0.4, 0.8, 1.0, 1.0]
    assert patience.pause(3, 0.0) == 0.0
