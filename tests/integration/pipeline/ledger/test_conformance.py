"""The port of a dialect, held to on every database: what a room must do for the rest never to ask which one it is."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl
import pytest
from sqlalchemy import Column, Connection, MetaData, Table, select, text
from sqlalchemy.schema import CreateTable

from dcp_pipeline.database.columns import Ascii, Bytes, Counter, Id, Label, LongText, Moment, utc_now
from dcp_pipeline.database.errors import Trouble, trouble_of
from dcp_pipeline.database.rooms import dialect_of
from dcp_pipeline.ledger import Ledger
from dcp_worker.sink import SinkWriter
from dcp_worker.sink.dialects import sink_dialect_of
from dcp_worker.sink.insertion import NotAsSent
from support.databases import Database
from support.sink_cases import PIPELINE, cleaning, identity

BATCH = "ab" * 16
EVERY_TYPE = cleaning(
    ("s", "string"), ("short", "string", 9), ("ip", "ip"), ("i", "integer"), ("n", "number"), ("b", "boolean"),
    ("d", "date"), ("t", "time"), ("at", "datetime"),
)  # fmt: skip
ROWS: list[tuple[Any, ...]] = [
    ("ä'\"\\,\n\t山🙂\0", "NULL", "2001:db8::1", 2**63 - 1, 1.7976931348623157e308, True, date(9999, 12, 31),
     time(23, 59, 59, 999999), datetime(2026, 2, 28, 23, 59, 59, 999999)),
    ("", " a ", "192.0.2.1", -(2**63), -0.1, False, date(1000, 1, 1), time(0), datetime(1970, 1, 1)),
    (None,) * 9,
]  # fmt: skip


def table_of_every_type(connection: Connection) -> Table:
    table = Table(
        "every_type", MetaData(), Column("number", Counter(), primary_key=True, autoincrement=True),
        Column("id", Id(32)), Column("word", Ascii(63)), Column("label", Label(255)), Column("long", LongText()),
        Column("raw", Bytes()), Column("at", Moment()),
    )  # fmt: skip
    statement = str(CreateTable(table).compile(dialect=connection.dialect)).strip()
    connection.exec_driver_sql(f"{statement} {dialect_of(connection).table_options}")
    return table


def test_the_ledgers_types_keep_what_they_are_given(database: Database) -> None:
    given = {
        "id": "0" * 32, "word": "a", "label": "Ä🙂", "long": "x" * 70_000, "raw": bytes(range(256)) * 300,
        "at": datetime(2026, 1, 2, 3, 4, 5, 600001),
    }  # fmt: skip
    with database.engine.connect() as connection:
        table = table_of_every_type(connection)
        connection.execute(table.insert(), [given, given | {"label": "ä🙂", "word": "A"}])
        rows = [dict(each._mapping) for each in connection.execute(select(table).order_by(table.c.number))]
        # Compared as bytes: the two are different words.
        found = connection.execute(select(table.c.number).where(table.c.word == "a", table.c.label == "Ä🙂")).all()
    assert rows[0] == given | {"number": 1}
    assert [each["number"] for each in rows] == [1, 2]
    assert len(found) == 1


def test_the_databases_clock_is_utc_with_microseconds(database: Database) -> None:
    with database.engine.connect() as connection:
        table = table_of_every_type(connection)
        connection.execute(table.insert().values(at=utc_now()))
        [at] = connection.execute(select(table.c.at)).scalars()
    assert abs(at.replace(tzinfo=UTC) - datetime.now(UTC)) < timedelta(minutes=5)


def test_bytes_and_ids_are_told_to_be_the_same(database: Database) -> None:
    Ledger(database.engine, PIPELINE).prepare()
    SinkWriter(database.engine, PIPELINE, "clean").prepare(EVERY_TYPE)
    with database.engine.connect() as connection:
        dialect, sink = dialect_of(connection), sink_dialect_of(connection)
        assert dialect.standing(connection, ["clean"]) >= {("clean", "_dcp_id"), ("clean", "s")}
        assert dialect.standing(connection, ["absent"]) == set()
        assert sink.observe_table(connection, "absent") is None
        blank = [[None] * len(EVERY_TYPE.fields)]
        _inserted(connection, database, frame(blank), "careful")
        connection.execute(text(f"INSERT INTO dcp_specs VALUES ('p', '{BATCH}', 'x', '2026-01-01 00:00:00')"))
        query = (
            f"SELECT {dialect.hex_of('t._dcp_batch')} AS id FROM clean t JOIN dcp_specs s "
            f"ON {dialect.are_bytes_of('t._dcp_batch', 's.revision')} AND {dialect.hex_of('t._dcp_batch')} = s.revision"
        )
        assert list(connection.execute(text(query)).scalars()) == [BATCH]


def frame(rows: Sequence[Sequence[Any]]) -> pl.DataFrame:
    types: dict[str, Any] = {
        "s": pl.String, "short": pl.String, "ip": pl.String, "i": pl.Int64, "n": pl.Float64, "b": pl.Boolean,
        "d": pl.Date, "t": pl.Time, "at": pl.Datetime("us"),
    }  # fmt: skip
    made = pl.DataFrame([list(row) for row in rows], schema=types, orient="row")
    return made.with_columns(
        pl.Series("_dcp_id", [identity(tuple(row), 20) for row in rows], dtype=pl.Binary),
        pl.Series("_dcp_record", range(1, len(rows) + 1), dtype=pl.Int64),
    )


def _inserted(
    connection: Connection, database: Database, rows: pl.DataFrame, way: str, many: bool = False, batch: str = BATCH
) -> int:
    sink = SinkWriter(database.engine, PIPELINE, "clean")
    sink.prepare(EVERY_TYPE)
    ways = sink_dialect_of(connection).ways(sink.table, many)
    return getattr(ways, way)(sink.table, batch, rows)(connection).rows  # type: ignore[no-any-return]


@pytest.mark.parametrize(("way", "many"), [("fast", False), ("fast", True), ("careful", False)])
def test_each_way_stores_every_type_as_it_is_and_counts_what_stood_there(
    database: Database, way: str, many: bool
) -> None:
    Ledger(database.engine, PIPELINE).prepare()
    SinkWriter(database.engine, PIPELINE, "clean").prepare(EVERY_TYPE)
    # SQLite's text and MySQL's alike; a NUL is text too.
    with database.engine.connect() as connection:
        assert _inserted(connection, database, frame(ROWS[:2]), way, many) == 2
        assert _inserted(connection, database, frame(ROWS), way, many, "cd" * 16) == 1
        connection.commit()
        found = connection.execute(text("SELECT s, short, ip, i, n, b, d, t, at FROM clean ORDER BY _dcp_record")).all()
    assert [_same(row) for row in found] == [_same(row) for row in ROWS]


def _same(row: Sequence[Any]) -> tuple[Any, ...]:
    """Rows as drivers give them, in one form: SQLite has texts for dates and times, PyMySQL spans for times of day."""
    return tuple(
        (datetime.min + value).time().isoformat("microseconds") if isinstance(value, timedelta)
        else value.isoformat(*((" ", "microseconds") if isinstance(value, datetime) else ())) if isinstance(value, date)
        else value.isoformat("microseconds") if isinstance(value, time)
        else value
        for value in row
    )  # fmt: skip


def test_only_one_at_a_time_alters_tables(database: Database) -> None:
    dialect = dialect_of(database.engine)
    holds, over = threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        writes = database.connect().connect().execution_options(dcp_writes=True)
        with writes as connection, connection.begin(), dialect.ddl_lock(connection):
            holds.set()
            over.wait(60)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert holds.wait(60)
    threading.Timer(0.3, over.set).start()
    writes = database.connect().connect().execution_options(dcp_writes=True)
    with writes as connection, connection.begin(), dialect.ddl_lock(connection):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_errors_are_told_by_what_to_do(database: Database) -> None:
    dialect = dialect_of(database.engine)
    with database.engine.connect() as connection, pytest.raises(Exception, match="absent") as absent:
        connection.execute(text("SELECT * FROM absent"))
    assert trouble_of(absent.value, dialect) is Trouble.ABSENT
    with database.engine.connect() as connection, pytest.raises(Exception, match=r"(?i)syntax") as nonsense:
        connection.execute(text("SELEKT 1"))
    assert trouble_of(nonsense.value, dialect) is Trouble.OTHER
    assert trouble_of(ValueError("not of a database"), dialect) is Trouble.OTHER
    with database.engine.connect() as connection:
        dialect.check_server(connection)


def test_a_snapshot_sees_one_moment(database: Database) -> None:
    database.execute("CREATE TABLE numbers (n BIGINT)")
    with dialect_of(database.engine).snapshot(database.engine).connect() as reading:
        assert reading.execute(text("SELECT COUNT(*) FROM numbers")).scalar() == 0
        with database.connect().connect().execution_options(dcp_writes=True) as writing:
            writing.execute(text("INSERT INTO numbers VALUES (1)"))
            writing.commit()
        assert reading.execute(text("SELECT COUNT(*) FROM numbers")).scalar() == 0
    with database.engine.connect() as later:
        assert later.execute(text("SELECT COUNT(*) FROM numbers")).scalar() == 1


def test_rejects_keep_any_bytes_and_texts(database: Database) -> None:
    Ledger(database.engine, PIPELINE).prepare()
    raw = bytes(range(256)) + b"'\\\x00%s"
    row = {
        "batch_id": BATCH, "object_id": BATCH, "record": 1, "line": 2, "code": "type-error", "field": None,
        "reason": "\"ä'\\ %s :x\"", "raw": raw, "raw_bytes": len(raw), "raw_digest": hashlib.md5(raw).hexdigest(),
        "start": 3, "state": "open",
    }  # fmt: skip
    with database.engine.connect() as connection:
        connection.begin()
        sink_dialect_of(connection).insert_rejects(connection, [row, row | {"record": 2, "raw": None, "field": "ä"}])
        connection.commit()
    found = database.execute("SELECT record, field, reason, raw FROM dcp_rejects ORDER BY record")
    assert [tuple(each) for each in found] == [(1, None, row["reason"], raw), (2, "ä", row["reason"], None)]


def test_what_a_server_would_cut_is_not_stored(mysql_like: Database) -> None:
    Ledger(mysql_like.engine, PIPELINE).prepare()
    SinkWriter(mysql_like.engine, PIPELINE, "clean").prepare(EVERY_TYPE)
    cut = frame([("s", "longer than nine", *(None,) * 7), ("t", "fits", *(None,) * 7)])
    with mysql_like.engine.connect() as connection:
        connection.begin()
        with pytest.raises(NotAsSent):
            _inserted(connection, mysql_like, cut, "fast")
        connection.rollback()
        connection.begin()
        assert _inserted(connection, mysql_like, cut, "careful") == 1
        connection.commit()
    assert [tuple(each) for each in mysql_like.execute("SELECT short FROM clean")] == [("fits",)]
