"""Tables of an older release are moved to identities that begin with their order: whole, whatever is killed when."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from sqlalchemy import event, text

from dcp_pipeline.database.errors import LedgerError, SinkUnavailable, TableMismatch
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.model import RejectFilter
from dcp_pipeline.spec.model import Cleaning, Field, FieldType, Format
from dcp_pipeline.verify import verify
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.clean.types.types import POLARS_TYPES
from dcp_worker.ground.order import as_hex, order_of_field
from dcp_worker.sink import ReplayPlan, SinkWriter, replay
from dcp_worker.sink.dialects import sink_dialect_of
from dcp_worker.sink.migrating.moving import Moved, abandon, migrate
from dcp_worker.sink.mysql.move import order_in_sql
from support.databases import Database
from support.sink_cases import PIPELINE, Source

FIELDS = (Field(name="name"), Field(name="n", type="integer"), Field(name="at", type="datetime"))
BY_TIME = Cleaning(fields=FIELDS, unique=("name", "at"))
BY_NUMBER = Cleaning(fields=FIELDS, unique=("name", "n"))
BY_PLACE = Cleaning(fields=FIELDS)
LINES = (
    ("a,1,2026-01-02T03:04:05.5", "b,-9,1969-12-31T23:59:59", "c,x,"),
    ("a,1,2026-01-02T03:04:05.5", "d,33554433,2120-01-01T00:00:00", 'e,,"2026-01-02T03:04:06"'),
    ("f,-9223372036854775808,1000-01-01T00:00:00", "g,9223372036854775807,", "ä'\\,0,2026-01-02T03:04:05"),
)


class Killed(BaseException):
    """What ends a process leaves no handler to run."""


class Older:
    """A pipeline whose table an older release began, and filled."""

    def __init__(self, database: Database, cleaning: Cleaning) -> None:
        self.database, self.cleaning = database, cleaning
        self.ledger = Ledger(database.engine, PIPELINE)
        for table in (
            "clean",
            "clean_moved",
            "clean_before",
            *(f"dcp_{each}" for each in ("objects", "batches", "rejects", "meta")),
        ):
            database.execute(f"DROP TABLE IF EXISTS {table}")
        self.ledger.prepare()
        with database.engine.connect() as connection:
            quote = connection.dialect.identifier_preparer.quote_identifier
            made = sink_dialect_of(connection).create_table("clean", cleaning.columns, 16, quote)
        database.execute(made)
        unique = ",".join(f'"{each}"' for each in cleaning.unique)
        database.execute(f"INSERT INTO dcp_meta VALUES ('table/clean', '{{\"fingerprint\":1,\"unique\":[{unique}]}}')")
        self.source = Source(self.ledger, cleaning)
        sink = self.sink()
        self.batches = [self.source.lines(*lines) for lines in LINES]
        for batch in self.batches:
            self.commit(sink, batch)

    def sink(self) -> SinkWriter:
        sink = SinkWriter(self.database.engine, PIPELINE, "clean")
        sink.prepare(self.cleaning)
        return sink

    def commit(self, sink: SinkWriter, batch: Any) -> Any:
        plan = CleaningPlan.compile(self.cleaning, Format(), ordered=sink.table.ordered)
        return sink.commit(batch, plan.clean(batch), worker="w").counts

    def rows(self) -> list[tuple[Any, ...]]:
        """Without what identities begin with."""
        last = "SUBSTR(HEX(_dcp_id), -32)"
        return sorted(
            self.database.execute(f"SELECT {last}, _dcp_record, HEX(_dcp_batch), name, n, at FROM clean"), key=str
        )

    def identities(self) -> dict[int, bytes]:
        return {row[0]: bytes(row[1]) for row in self.database.execute("SELECT _dcp_record, _dcp_id FROM clean")}

    def fresh_identities(self) -> set[bytes]:
        """Those that cleaning gives the same records now."""
        plan = CleaningPlan.compile(self.cleaning, Format(), ordered=True)
        return {each for batch in self.batches for each in plan.clean(batch).rows["_dcp_id"]}


@pytest.fixture
def mover(database: Database) -> Database:
    """The database, for a user who may drop tables too: the administrator."""
    if database.server is not None:
        database.server.grant(str(database.engine.url.database), "ALL")
    return database


@pytest.mark.parametrize("cleaning", [BY_TIME, BY_NUMBER, BY_PLACE], ids=["time", "integer", "place"])
def test_a_moved_table_has_the_same_rows_and_takes_its_duplicates_for_what_they_are(
    mover: Database, cleaning: Cleaning
) -> None:
    older = Older(mover, cleaning)
    before, told = older.rows(), list[int]()
    done = migrate(mover.engine, "clean", cleaning, told.append)
    assert done.rows == sum(told) == len(before)
    assert older.rows() == before
    assert set(older.identities().values()) == older.fresh_identities()
    again = Source(older.ledger, cleaning, "http://feed/again.csv").lines(*LINES[0], *LINES[2])
    sink = older.sink()
    assert sink.table.ordered
    counts = older.commit(sink, again)
    assert counts.written == (0 if cleaning.unique else 5)
    assert verify(mover.engine, PIPELINE, "clean").findings == ()
    assert migrate(mover.engine, "clean", cleaning) == Moved("its identities begin with their order already")


def test_rows_of_replays_are_moved_with_the_others(mover: Database) -> None:
    older = Older(mover, BY_TIME)
    lenient = Cleaning(fields=(FIELDS[0], Field(name="n"), FIELDS[2]), unique=BY_TIME.unique)
    sink = older.sink()
    plan = CleaningPlan.compile(Cleaning(fields=FIELDS[:1] + FIELDS[2:], unique=BY_TIME.unique), Format())
    report = replay(older.ledger, sink, lambda _: ReplayPlan(plan, Format(), "r2", True), RejectFilter())
    assert report.written == 1, lenient
    before = older.rows()
    assert migrate(mover.engine, "clean", BY_TIME).rows == len(before)
    assert older.rows() == before
    assert verify(mover.engine, PIPELINE, "clean").findings == ()


def test_a_move_that_is_killed_before_any_statement_goes_on_and_moves_each_row_once(mover: Database) -> None:
    older = Older(mover, BY_TIME)
    before, killed_after = older.rows(), 0
    while _killed_after(mover, killed_after):
        migrate(mover.engine, "clean", BY_TIME)
        assert older.rows() == before, killed_after
        assert set(older.identities().values()) == older.fresh_identities()
        assert verify(mover.engine, PIPELINE, "clean").findings == ()
        killed_after += 4 if mover.kind == "mysql" else 1  # its statements are MariaDB's
        older = Older(mover, BY_TIME)
    assert killed_after > 8


def test_a_move_that_is_given_up_before_any_statement_leaves_the_table_as_it_was(mover: Database) -> None:
    older = Older(mover, BY_TIME)
    before, killed_after = (older.rows(), older.identities()), 0
    while _killed_after(mover, killed_after):
        try:
            abandon(mover.engine, "clean")
        except LedgerError as error:
            assert "is moved already" in str(error)  # noqa: PT017
            migrate(mover.engine, "clean", BY_TIME)
            assert older.rows() == before[0]
        else:
            moved = older.sink().table.ordered
            assert moved or (older.rows(), older.identities()) == before
        assert older.commit(older.sink(), older.batches[0]) is not None
        assert verify(mover.engine, PIPELINE, "clean").findings == ()
        killed_after += 1 if mover.kind == "sqlite" else 5
        older = Older(mover, BY_TIME)


def _killed_after(database: Database, statements: int) -> bool:
    """Move in a process that ends after so many statements; whether it ended so."""
    engine, left = database.connect(), [statements]

    def count(*_: Any) -> None:
        if not left[0]:
            raise Killed
        left[0] -= 1

    event.listen(engine, "before_cursor_execute", count)
    try:
        migrate(engine, "clean", BY_TIME)
    except Killed:
        return True
    finally:
        engine.dispose()
    return False


def _killed_at_work(database: Database) -> None:
    """Begin to move in a process that ends once it has marked the table."""
    killed_after = 0
    while not database.execute("SELECT 1 FROM dcp_meta WHERE name = 'moving/clean'"):
        assert _killed_after(database, killed_after)
        killed_after += 1


def test_a_worker_from_before_writes_nothing_and_says_why(mover: Database) -> None:
    older = Older(mover, BY_TIME)
    sink, late = older.sink(), older.source.lines("z,1,2026-05-05T00:00:00")
    _killed_at_work(mover)
    for _ in range(2):  # while it is moved, and once it was
        with pytest.raises(SinkUnavailable, match=r"being moved by `dcp migrate`|start this process again"):
            older.commit(sink, late)
        migrate(mover.engine, "clean", BY_TIME)
    assert older.commit(older.sink(), late).written == 1
    assert verify(mover.engine, PIPELINE, "clean").findings == ()


def test_nobody_starts_or_withdraws_while_a_table_is_moved(mover: Database) -> None:
    older = Older(mover, BY_TIME)
    _killed_at_work(mover)
    with pytest.raises(SinkUnavailable, match="being moved"):
        older.sink()
    with pytest.raises(SinkUnavailable, match="being moved"):
        older.ledger.withdraw_records("clean", older.batches[2].id, 8)
    migrate(mover.engine, "clean", BY_TIME)
    assert older.ledger.withdraw_records("clean", older.batches[2].id, 8) == 2


def test_rows_that_the_ledger_does_not_know_stop_a_move_before_anything_is_replaced(mysql_like: Database) -> None:
    assert mysql_like.server
    mysql_like.server.grant(str(mysql_like.engine.url.database), "ALL")
    older = Older(mysql_like, BY_TIME)
    mysql_like.execute(
        "INSERT INTO clean (name, _dcp_id, _dcp_batch, _dcp_record) VALUES ('s', x'%s', x'%s', 1)" % (("ab" * 16,) * 2)
    )
    before = older.rows()
    with pytest.raises(LedgerError, match=r"rows stand there and .* were moved"):
        migrate(mysql_like.engine, "clean", BY_TIME)
    abandon(mysql_like.engine, "clean")
    assert older.rows() == before
    assert not older.sink().table.ordered


def test_a_table_with_an_owner_goes_on_as_it_is(mysql_like: Database) -> None:
    Older(mysql_like, BY_TIME)
    mysql_like.execute("CREATE TRIGGER later AFTER INSERT ON clean FOR EACH ROW SET @n = 1")
    with pytest.raises(LedgerError, match="later would stay behind"):
        migrate(mysql_like.engine, "clean", BY_TIME)
    mysql_like.execute("DROP TRIGGER later")
    mysql_like.execute("ALTER TABLE clean DROP PRIMARY KEY, ADD COLUMN id INT AUTO_INCREMENT PRIMARY KEY")
    with pytest.raises(LedgerError, match="it has an owner"):
        migrate(mysql_like.engine, "clean", BY_TIME)


@pytest.mark.parametrize("cleaning", [Cleaning(fields=FIELDS, unique=("name",)), BY_TIME])
def test_there_is_nothing_to_move_without_an_order_or_a_table(database: Database, cleaning: Cleaning) -> None:
    Ledger(database.engine, PIPELINE).prepare()
    assert "no table of this pipeline" in str(migrate(database.engine, "clean", cleaning).reason)
    if cleaning is not BY_TIME:
        Older(database, cleaning)
        assert "neither a time nor an integer" in str(migrate(database.engine, "clean", cleaning).reason)


@pytest.mark.parametrize("name", ["clean_moved", "clean_before"])
def test_a_table_that_is_not_ours_stops_a_move_before_it_begins_and_stays(mysql_like: Database, name: str) -> None:
    older = _owned(mysql_like)
    mysql_like.execute(f"CREATE TABLE {name} (what TEXT)")
    mysql_like.execute(f"INSERT INTO {name} VALUES ('mine')")
    with pytest.raises(LedgerError, match=f"there is a table {name}"):
        migrate(mysql_like.engine, "clean", BY_TIME)
    assert abandon(mysql_like.engine, "clean").reason == "it is not being moved"
    assert mysql_like.execute(f"SELECT * FROM {name}") == [("mine",)]
    assert not older.sink().table.ordered


def test_a_table_that_somebody_makes_meanwhile_is_left_and_the_comment_comes_back(mysql_like: Database) -> None:
    _owned(mysql_like)
    mysql_like.execute("ALTER TABLE clean COMMENT = 'the owner''s 100%'")
    _killed_at_work(mysql_like)
    mysql_like.execute("DROP TABLE IF EXISTS clean_moved")
    mysql_like.execute("CREATE TABLE clean_moved (what TEXT)")
    with pytest.raises(LedgerError, match="made by somebody else"):
        migrate(mysql_like.engine, "clean", BY_TIME)
    abandon(mysql_like.engine, "clean")
    assert _comment(mysql_like) == "the owner's 100%"
    mysql_like.execute("DROP TABLE clean_moved")  # which stood until now
    migrate(mysql_like.engine, "clean", BY_TIME)
    assert _comment(mysql_like) == "the owner's 100%"


def _owned(database: Database) -> Older:
    assert database.server
    database.server.grant(str(database.engine.url.database), "ALL")
    return Older(database, BY_TIME)


def _comment(database: Database) -> str:
    query = "SELECT TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = "
    [[found]] = database.execute(f"{query}'clean'")
    return str(found)


def test_a_name_that_leaves_no_room_for_another_is_told_before_anything_is_done(mysql_like: Database) -> None:
    _owned(mysql_like)
    name = "t" * 58
    mysql_like.execute(f"RENAME TABLE clean TO {name}")
    mysql_like.execute(f"UPDATE dcp_meta SET name = 'table/{name}' WHERE name = 'table/clean'")
    with pytest.raises(LedgerError, match="more than 57 characters"):
        migrate(mysql_like.engine, name, BY_TIME)
    assert abandon(mysql_like.engine, name).reason == "it is not being moved"


OTHERS = {
    "a number instead": Cleaning(fields=(*FIELDS[:2], Field(name="at")), unique=("n", "at")),
    "another unique": BY_NUMBER,
    "another type": Cleaning(fields=(*FIELDS[:2], Field(name="at", type="date")), unique=("name", "at")),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_move_goes_on_by_the_spec_that_it_was_begun_with_only(mover: Database, other: Cleaning) -> None:
    older = Older(mover, BY_TIME)
    _killed_at_work(mover)
    with pytest.raises(TableMismatch, match="put the spec back"):
        migrate(mover.engine, "clean", other)
    abandon(mover.engine, "clean")
    assert mover.execute("SELECT value FROM dcp_meta WHERE name = 'table/clean'") == [
        ('{"fingerprint":1,"unique":["name","at"]}',)
    ]
    migrate(mover.engine, "clean", BY_TIME)
    assert set(older.identities().values()) == older.fresh_identities()


def test_a_mark_that_names_no_type_is_the_spec_s(mover: Database) -> None:
    older = Older(mover, BY_TIME)
    _killed_at_work(mover)
    mover.execute(
        "UPDATE dcp_meta SET value = REPLACE(value, ',\"kind\":\"datetime\"', '') WHERE name = 'moving/clean'"
    )
    [[mark]] = mover.execute("SELECT value FROM dcp_meta WHERE name = 'moving/clean'")
    assert "kind" not in mark
    migrate(mover.engine, "clean", BY_TIME)
    assert set(older.identities().values()) == older.fresh_identities()


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        ("at = '2026-13-02 03:04:05.500000'", "1 values of at are none of type datetime"),
        ("at = '2026-02-30 03:04:05.500000'", "1 values of at are none of type datetime"),
        ("at = '2026-01-02T03:04:05.500000'", "1 values of at are none of type datetime"),
        ("at = 'a word of twenty-six chars'", "1 values of at are none of type datetime"),
        ("at = X'00'", "1 values of at are none of type datetime"),
        ("_dcp_id = 'sixteen letters.'", "1 rows have identities that are no bytes"),
    ],
)
def test_what_somebody_else_wrote_stops_a_move_of_sqlite_before_anything_is_done(
    sqlite: Database, odd: str, told: str
) -> None:
    older = Older(sqlite, BY_TIME)
    sqlite.execute("UPDATE clean SET at = '9999-12-31 23:59:59.999999' WHERE name = 'd'")  # the last that there is
    sqlite.execute(f"UPDATE clean SET {odd} WHERE name = 'g'")
    with pytest.raises(LedgerError, match=told):
        migrate(sqlite.engine, "clean", BY_TIME)
    assert not older.sink().table.ordered
    sqlite.execute("DELETE FROM clean WHERE name = 'g'")
    assert migrate(sqlite.engine, "clean", BY_TIME).reason is None


def test_a_type_that_the_column_does_not_have_is_told_before_anything_is_done(mover: Database) -> None:
    older = Older(mover, BY_TIME)
    before = older.identities()
    with pytest.raises((TableMismatch, LedgerError), match=r"of type date"):
        migrate(mover.engine, "clean", OTHERS["another type"])
    assert (older.identities(), older.sink().table.ordered) == (before, False)


OWNERS = {
    "the trigger later": "CREATE TRIGGER later AFTER UPDATE ON clean BEGIN INSERT INTO audit VALUES (1); END",
    "a foreign key of theirs": "CREATE TABLE theirs (id BLOB REFERENCES clean (_dcp_id))",
}


@pytest.mark.parametrize("named", OWNERS)
def test_what_an_owner_hung_on_a_table_of_sqlite_leaves_it_as_it_is(sqlite: Database, named: str) -> None:
    older = Older(sqlite, BY_TIME)
    sqlite.execute("CREATE TABLE audit (n)")
    sqlite.execute(OWNERS[named])
    with pytest.raises(LedgerError, match=named):
        migrate(sqlite.engine, "clean", BY_TIME)
    assert {len(each) for each in older.identities().values()} == {16}


def test_a_table_of_sqlite_without_row_numbers_goes_on_as_it_is(sqlite: Database) -> None:
    Older(sqlite, BY_TIME)
    [[made]] = sqlite.execute("SELECT sql FROM sqlite_master WHERE name = 'clean'")
    sqlite.execute("DROP TABLE clean")
    keyed = made.replace("CONSTRAINT", 'PRIMARY KEY ("_dcp_batch", "_dcp_record"), CONSTRAINT')
    sqlite.execute(f"{keyed} WITHOUT ROWID")
    with pytest.raises(LedgerError, match="WITHOUT ROWID"):
        migrate(sqlite.engine, "clean", BY_TIME)


def test_rows_of_sqlite_are_found_whatever_their_numbers_are(sqlite: Database) -> None:
    older = Older(sqlite, BY_TIME)
    numbers = [row[0] for row in sqlite.execute("SELECT rowid FROM clean ORDER BY rowid")]
    far = [-(2**63), -5, 0, 900_000_000_000, 2**63 - 2]
    for number, other in zip(numbers, far, strict=False):
        sqlite.execute(f"UPDATE clean SET rowid = {other + 1} - 1 WHERE rowid = {number}")
    assert migrate(sqlite.engine, "clean", BY_TIME).rows == len(numbers)
    assert set(older.identities().values()) == older.fresh_identities()


CASES: dict[FieldType, tuple[str, list[Any]]] = {
    "datetime": (
        "DATETIME(6)",
        [None, datetime(1000, 1, 1), datetime(1969, 12, 31, 23, 59, 59, 999_999), datetime(1970, 1, 1),
         datetime(2026, 3, 29, 2, 30, 0, 1), datetime(2106, 2, 7, 6, 28, 15), datetime(9999, 12, 31, 23, 59, 59, 999_999)],
    ),
    "date": ("DATE", [None, date(1000, 2, 28), date(1969, 12, 31), date(1970, 1, 1), date(2024, 2, 29), date(9999, 12, 31)]),
    "integer": (
        "BIGINT",
        [None, 0, *(sign * value for sign in (1, -1) for value in (1, 7, 2**24, 2**25 - 1, 2**25, 2**25 + 1, 2**26 - 1,
         2**31, 2**53 - 1, 2**53, 2**53 + 1, 2**62 + 12345, 2**63 - 1)), -(2**63)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", CASES)
def test_sql_and_cleaning_begin_identities_alike(mysql_like: Database, kind: FieldType) -> None:
    column, values = CASES[kind]
    mysql_like.execute(f"CREATE TABLE v (at INT, v {column})")
    with mysql_like.engine.connect() as connection:
        for at, value in enumerate(values):
            connection.execute(text("INSERT INTO v VALUES (:at, :v)"), {"at": at, "v": value})
        found = connection.exec_driver_sql(f"SELECT HEX({order_in_sql(kind, 'v')}) FROM v ORDER BY at").scalars().all()
        connection.rollback()
    expected = pl.Series("v", values, dtype=POLARS_TYPES[kind]).to_frame().select(as_hex(order_of_field("v", kind)))
    assert [str(each).lower() for each in found] == expected.to_series().to_list()


def test_sql_and_cleaning_begin_identities_of_integers_beyond_64_bits_alike(mysql_like: Database) -> None:
    values = [0, -1, 2**25, -(2**53) - 1, *(sign * each for sign in (1, -1) for each in (2**63 - 1, 2**63, 10**30))]
    mysql_like.execute("CREATE TABLE v (at INT, v DECIMAL(40,0))")
    for at, value in enumerate(values):
        mysql_like.execute(f"INSERT INTO v VALUES ({at}, {value})")
    found = mysql_like.execute(f"SELECT LOWER(HEX({order_in_sql('integer', 'v')})) FROM v ORDER BY at")
    texts = pl.Series("v", [str(each) for each in values]).to_frame()
    expected = texts.select(as_hex(order_of_field("v", "integer", exact=True))).to_series().to_list()
    assert [row[0] for row in found] == expected


def test_rows_that_are_taken_away_as_a_move_begins_stay(mysql_like: Database) -> None:
    older = _owned(mysql_like)
    before = older.rows()

    def mark(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("DELETE FROM `clean`"):
            mysql_like.execute("INSERT INTO dcp_meta VALUES ('moving/clean', '{}')")

    event.listen(mysql_like.engine, "before_cursor_execute", mark)
    with pytest.raises(SinkUnavailable, match="being moved"):
        older.ledger.withdraw_records("clean", older.batches[2].id, 8)
    assert older.rows() == before
