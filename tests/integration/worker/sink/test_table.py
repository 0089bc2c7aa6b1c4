"""Tables that stand already: written to where nothing would be lost or changed, refused by name where it would."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from dcp_pipeline.ledger import Ledger, TableMismatch
from dcp_pipeline.spec.model import Cleaning, Field
from dcp_pipeline.spec.words.cleaning import Constraints
from dcp_worker.ground.limits import ColumnLimit
from dcp_worker.sink import SinkWriter
from support.databases import Database
from support.sink_cases import PIPELINE, cleaning

SPEC = cleaning(("name", "string", 100), ("n", "integer"), ("at", "datetime"), ("ip", "ip"), unique=["name"])
OWN = "_dcp_id BINARY(16) NOT NULL UNIQUE, _dcp_batch BINARY(16) NOT NULL, _dcp_record BIGINT NOT NULL"
FIELDS = "name VARCHAR(100), n BIGINT, at DATETIME(6), ip VARCHAR(45)"


def prepared(database: Database, *statements: str) -> dict[str, ColumnLimit]:
    Ledger(database.engine, PIPELINE).prepare()
    for statement in statements:
        database.execute(statement)
    return dict(SinkWriter(database.engine, PIPELINE, "clean").prepare(SPEC))


def test_an_absent_table_is_made_and_stays_when_prepared_again(database: Database) -> None:
    made = prepared(database)
    assert prepared(database) == made
    assert database.execute("SELECT name, n, at, ip, _dcp_id, _dcp_batch, _dcp_record FROM clean") == []


def test_narrower_columns_are_accepted_and_told_as_limits(mysql_like: Database) -> None:
    narrow = "name VARCHAR(50) NOT NULL, n SMALLINT UNSIGNED, at DATETIME, ip VARCHAR(39) CHARACTER SET ascii"
    extra = "id INT AUTO_INCREMENT PRIMARY KEY, noted DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, free JSON_OR_TEXT"
    limits = prepared(mysql_like, f"CREATE TABLE clean ({extra.replace('JSON_OR_TEXT', 'TEXT')}, {narrow}, {OWN})")
    assert limits == {
        "name": ColumnLimit("varchar(50)", max_chars=50, nullable=False),
        "n": ColumnLimit("smallint(5) unsigned", minimum=0, maximum=65535),
        "at": ColumnLimit("datetime", scale=0),
        "ip": ColumnLimit("varchar(39)", max_chars=39),
    }


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (f"({FIELDS})", r"column _dcp_id is missing.*ADD COLUMN `_dcp_id` BINARY\(16\),"),
        (
            f"(name VARCHAR(100), n BIGINT, ip VARCHAR(45), {OWN})",
            r"column at is missing.*ADD COLUMN `at` DATETIME\(6\)",
        ),
        (
            f"({FIELDS.replace('n BIGINT', 'n VARCHAR(9)')}, {OWN})",
            r"column n is varchar\(9\).*MODIFY COLUMN `n` BIGINT",
        ),
        (f"({FIELDS.replace('n BIGINT', 'n FLOAT')}, {OWN})", "column n is float"),
        (f"({FIELDS.replace('name VARCHAR(100)', 'name VARBINARY(100)')}, {OWN})", r"column name is varbinary\(100\)"),
        (f"({FIELDS.replace('n BIGINT', 'n BIGINT AS (1)')}, {OWN})", "column n is generated.*out of the spec"),
        (
            f"({FIELDS}, {OWN}, must INT NOT NULL)",
            "column must is int.*NOT NULL without a default.*MODIFY COLUMN `must`",
        ),
        (f"({FIELDS}, {OWN}, must INT, PRIMARY KEY (must))", "column must is int.*add a field must"),
        (f"({FIELDS}, {OWN}) ENGINE=MyISAM", "its engine is MyISAM.*ENGINE=InnoDB"),
        (f"({FIELDS}, {OWN.replace(' UNIQUE', '')})", "no unique key on _dcp_id.*ADD UNIQUE KEY `_dcp_id`"),
        (
            f"({FIELDS}, {OWN.replace('_dcp_id BINARY(16)', '_dcp_id CHAR(32)')})",
            r"column _dcp_id is char\(32\).*BINARY\(16\)",
        ),
    ],
)
def test_a_table_of_another_shape_is_refused_and_the_remedy_named(
    mysql_like: Database, table: str, message: str
) -> None:
    with pytest.raises(TableMismatch, match=f"(?s){message}") as caught:
        prepared(mysql_like, f"CREATE TABLE clean {table}")
    assert "table clean" in str(caught.value)


def test_a_trigger_that_could_change_a_row_and_a_view_are_refused(mysql_like: Database) -> None:
    later = "CREATE TRIGGER notes AFTER INSERT ON clean FOR EACH ROW INSERT INTO noted VALUES (NEW.n)"
    prepared(mysql_like, f"CREATE TABLE clean ({FIELDS}, {OWN})", "CREATE TABLE noted (n BIGINT)", later)
    trigger = "CREATE TRIGGER changes BEFORE INSERT ON clean FOR EACH ROW SET NEW.n = 1"
    with pytest.raises(TableMismatch, match=r"trigger changes .*name another table"):
        prepared(mysql_like, trigger)
    with pytest.raises(TableMismatch, match="it is a view"):
        prepared(mysql_like, "RENAME TABLE clean TO base", "CREATE VIEW clean AS SELECT * FROM base")


SQLITE_OWN = "_dcp_id BLOB NOT NULL UNIQUE, _dcp_batch BLOB NOT NULL, _dcp_record BIGINT NOT NULL"
SQLITE = "name TEXT, n BIGINT, at DATETIME, ip TEXT"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (f"({SQLITE.replace('name TEXT', 'name INTEGER')}, {SQLITE_OWN})", "column name is INTEGER.*TEXT"),
        (f"({SQLITE.replace('n BIGINT', 'n TEXT')}, {SQLITE_OWN})", "column n is TEXT.*BIGINT"),
        (
            f"({SQLITE}, {SQLITE_OWN}, FOREIGN KEY (n) REFERENCES other (id) DEFERRABLE INITIALLY DEFERRED)",
            "a deferred foreign key is checked at COMMIT only",
        ),
        (f"({SQLITE}, {SQLITE_OWN}, must INT NOT NULL)", "column must is INT NOT NULL"),
        (f"({SQLITE})", "column _dcp_id is missing"),
    ],
)
def test_a_sqlite_table_of_another_shape_is_refused(sqlite: Database, table: str, message: str) -> None:
    with pytest.raises(TableMismatch, match=message):
        prepared(sqlite, "CREATE TABLE other (id BIGINT PRIMARY KEY)", f"CREATE TABLE clean {table}")


def test_a_sqlite_table_with_a_row_number_of_its_own_is_accepted(sqlite: Database) -> None:
    limits = prepared(sqlite, f"CREATE TABLE clean (id INTEGER PRIMARY KEY, {SQLITE}, {SQLITE_OWN})")
    assert limits["name"] == ColumnLimit("TEXT")


def test_the_ledgers_own_names_are_not_for_clean_tables(database: Database) -> None:
    with pytest.raises(TableMismatch, match="names that start with dcp_"):
        SinkWriter(database.engine, PIPELINE, "dcp_batches").prepare(SPEC)


def test_another_identity_of_the_same_table_is_refused(database: Database) -> None:
    prepared(database)
    other = cleaning(*((each.name, each.type, 100) for each in SPEC.fields), unique=["name", "ip"])
    with pytest.raises(TableMismatch, match=r"identified by name .*the spec says name, ip"):
        SinkWriter(database.engine, PIPELINE, "clean").prepare(other)


def test_a_very_wide_spec_still_makes_a_table(database: Database) -> None:
    Ledger(database.engine, PIPELINE).prepare()
    wide = cleaning(*((f"f{n}", "string", 500) for n in range(100)), ("long", "string", 16_000_000))
    limits = SinkWriter(database.engine, PIPELINE, "clean").prepare(wide)
    assert len(limits) == 101
    assert limits["f0"].max_chars in (None, 500)


TIMED = cleaning(("name", "string", 100), ("at", "datetime"), unique=["name", "at"])
OF_TODAY = '{"fingerprint":1,"unique":["name","at"]}'
"""As releases recorded it whose identities were 16 bytes."""


def identity_recorded(database: Database) -> str:
    [[value]] = database.execute("SELECT value FROM dcp_meta WHERE name = 'table/clean'")
    return str(value)


def ordered(database: Database) -> bool:
    sink = SinkWriter(database.engine, PIPELINE, "clean")
    sink.prepare(TIMED)
    return sink.table.ordered


def test_a_new_table_is_kept_in_order_and_an_older_release_refuses_it(database: Database) -> None:
    Ledger(database.engine, PIPELINE).prepare()
    assert ordered(database)
    # A release that knows no order reads the version as another identity.
    assert identity_recorded(database) == '{"fingerprint":2,"unique":["name","at"],"ordered_by":"at","kind":"datetime"}'
    assert ordered(database)


def test_a_table_that_was_begun_without_an_order_goes_on_so(database: Database) -> None:
    Ledger(database.engine, PIPELINE).prepare()
    own = OWN if database.kind != "sqlite" else SQLITE_OWN
    database.execute(
        f"CREATE TABLE clean (name VARCHAR(100), at {'DATETIME' if own == SQLITE_OWN else 'DATETIME(6)'}, {own})"
    )
    database.execute(f"INSERT INTO dcp_meta VALUES ('table/clean', '{OF_TODAY}')")
    assert not ordered(database)
    assert identity_recorded(database) == OF_TODAY


@pytest.mark.parametrize(("size", "expected"), [(16, False), (20, True)])
def test_a_table_of_theirs_is_kept_as_its_column_is_wide(mysql_like: Database, size: int, expected: bool) -> None:
    Ledger(mysql_like.engine, PIPELINE).prepare()
    mysql_like.execute(
        f"CREATE TABLE clean (name VARCHAR(100), at DATETIME(6), {OWN.replace('BINARY(16)', f'BINARY({size})', 1)})"
    )
    assert ordered(mysql_like) is expected


def test_a_field_whose_type_no_longer_has_an_order_is_told(database: Database) -> None:
    Ledger(database.engine, PIPELINE).prepare()
    assert ordered(database)
    other = cleaning(("name", "string", 100), ("at", "string", 100), unique=["name", "at"])
    with pytest.raises(
        TableMismatch,
        match=r"version 2, in the order of at \(datetime\)\), the spec says name, at \(fingerprint version 1",
    ):
        SinkWriter(database.engine, PIPELINE, "clean").prepare(other)


@pytest.mark.parametrize("most", [2**63, 2**64 - 1])
def test_an_order_that_was_begun_is_kept_where_a_new_table_would_take_another(database: Database, most: int) -> None:
    Ledger(database.engine, PIPELINE).prepare()
    numbered = Cleaning(fields=(Field(name="name"), Field(name="n", type="integer")), unique=("name", "n"))
    SinkWriter(database.engine, PIPELINE, "clean").prepare(numbered)
    if database.kind == "sqlite":  # whose columns for such values are texts
        database.execute("DROP TABLE clean")
        database.execute(f"CREATE TABLE clean (name TEXT, n TEXT, {SQLITE_OWN})")
    wider = Field(name="n", type="integer", constraints=Constraints(maximum=most))
    sink = SinkWriter(database.engine, PIPELINE, "clean")
    sink.prepare(Cleaning(fields=(Field(name="name"), wider), unique=("name", "n")))
    assert (sink.table.ordered, sink.table.ordered_by) == (True, "n")
    unstored = Cleaning(fields=(Field(name="name"), replace(wider, stored=False)), unique=("name", "n"))
    with pytest.raises(TableMismatch, match="store the field n as it was"):
        SinkWriter(database.engine, PIPELINE, "clean").prepare(unstored)


@pytest.mark.parametrize("size", [16, 20, 7])
def test_rows_that_stand_say_how_a_table_is_kept_of_which_nothing_is_recorded(database: Database, size: int) -> None:
    Ledger(database.engine, PIPELINE).prepare()
    prepared_own = SQLITE_OWN if database.kind == "sqlite" else OWN.replace("BINARY(16)", f"VARBINARY({size})", 1)
    moment = "DATETIME" if database.kind == "sqlite" else "DATETIME(6)"
    database.execute(f"CREATE TABLE clean (name VARCHAR(100), at {moment}, {prepared_own})")
    database.execute(
        f"INSERT INTO clean (_dcp_id, _dcp_batch, _dcp_record) VALUES (x'{'ab' * size}', x'{'cd' * 16}', 1)"
    )
    if size == 7:
        with pytest.raises(TableMismatch, match="have 7 bytes"):
            ordered(database)
    else:
        assert ordered(database) is (size == 20)
