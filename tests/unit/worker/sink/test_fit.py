"""Whether a table that stands fits: decided from values, without a database."""

from __future__ import annotations

import pytest

from dcp_pipeline.ledger import TableMismatch
from dcp_pipeline.spec.model import Cleaning, Constraints, Field
from dcp_worker.ground.limits import ColumnLimit
from dcp_worker.sink.fit import identity_keys, limits_of, twin_keys
from dcp_worker.sink.mysql.alter import widens
from dcp_worker.sink.mysql.columns import create_table, field_types
from dcp_worker.sink.mysql.room import DIALECT as MYSQL
from dcp_worker.sink.shape import BATCH, ID, RECORD, ObservedColumn, ObservedTable, UniqueKey
from dcp_worker.sink.sqlite.fit import affinity
from dcp_worker.sink.sqlite.room import DIALECT as SQLITE


def quote(name: str) -> str:
    return f"`{name}`"


def table(*columns: ObservedColumn, keys: tuple[UniqueKey, ...] = ()) -> ObservedTable:
    own = (
        ObservedColumn(ID, "binary", "binary(16)", nullable=False, max_bytes=16),
        ObservedColumn(BATCH, "binary", "binary(16)", nullable=False, max_bytes=16),
        ObservedColumn(RECORD, "bigint", "bigint(20)", nullable=False),
    )
    ours = UniqueKey(ID, (ID,)), UniqueKey("PRIMARY", (BATCH, RECORD))
    return ObservedTable("t", columns=(*columns, *own), unique_keys=(*ours, *keys))


def cleaning(*fields: Field) -> Cleaning:
    return Cleaning(fields=fields)


def field(kind: str, max_length: int | None = None) -> Field:
    return Field(name="f", type=kind, constraints=Constraints(max_length=max_length))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "column", "limit"),
    [
        ("string", ObservedColumn("f", "varchar", "varchar(9)", max_chars=9, max_bytes=36), ColumnLimit("varchar(9)", max_chars=9)),
        ("string", ObservedColumn("f", "text", "text", max_chars=65535, max_bytes=65535), ColumnLimit("text", max_bytes=65535)),
        ("integer", ObservedColumn("f", "tinyint", "tinyint(4)"), ColumnLimit("tinyint(4)", minimum=-128, maximum=127)),
        ("integer", ObservedColumn("f", "bigint", "bigint(20) unsigned"), ColumnLimit("bigint(20) unsigned", minimum=0, maximum=2**64 - 1, exact=True)),
        ("integer", ObservedColumn("f", "decimal", "decimal(4,0)", precision=4, scale=0), ColumnLimit("decimal(4,0)", scale=0, digits=4, exact=True)),
        ("number", ObservedColumn("f", "decimal", "decimal(5,2)", precision=5, scale=2), ColumnLimit("decimal(5,2)", scale=2, digits=3, exact=True)),
        ("number", ObservedColumn("f", "double", "double"), ColumnLimit("double")),
        ("integer", ObservedColumn("f", "year", "year(4)"), ColumnLimit("year(4)", minimum=1901, maximum=2155)),
        ("string", ObservedColumn("f", "set", "set('a','it''s')"), ColumnLimit("set('a','it''s')", members=("", "a", "it's", "a,it's"))),
        ("boolean", ObservedColumn("f", "tinyint", "tinyint(1)"), ColumnLimit("tinyint(1)", minimum=-128, maximum=127)),
        ("date", ObservedColumn("f", "date", "date", nullable=False), ColumnLimit("date", nullable=False)),
        ("datetime", ObservedColumn("f", "datetime", "datetime(3)", scale=3), ColumnLimit("datetime(3)", scale=3)),
        ("time", ObservedColumn("f", "time", "time", scale=0), ColumnLimit("time", scale=0)),
        ("ip", ObservedColumn("F", "char", "char(39)", max_chars=39), ColumnLimit("char(39)", max_chars=39)),
        ("string", ObservedColumn("f", "char", "char(9)", max_chars=9), ColumnLimit("char(9)", max_chars=9, trailing_blanks=False)),
        ("string", ObservedColumn("f", "enum", "enum('a','b,c','it''s','')"), ColumnLimit("enum('a','b,c','it''s','')", members=("a", "b,c", "it's", ""))),
        ("number", ObservedColumn("f", "float", "float"), ColumnLimit("float", single_precision=True)),
        ("datetime", ObservedColumn("f", "timestamp", "timestamp", scale=0), ColumnLimit("timestamp", minimum=1, maximum=2**31 - 1, scale=0)),
        ("integer", ObservedColumn("f", "int", "int(11)", auto_increment=True), ColumnLimit("int(11)", minimum=-(2**31), maximum=2**31 - 1, zero=False)),
    ],
)  # fmt: skip
def test_a_column_that_fits_tells_what_it_holds(kind: str, column: ObservedColumn, limit: ColumnLimit) -> None:
    assert limits_of(MYSQL, table(column), cleaning(field(kind)), 16, quote) == {"f": limit}


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("string", ObservedColumn("f", "set", "set('a','b','c','d','e','f','g','h','i')")),
        ("string", ObservedColumn("f", "varbinary", "varbinary(9)", max_bytes=9)),
        ("integer", ObservedColumn("f", "double", "double")),
        ("boolean", ObservedColumn("f", "year", "year(4)")),
        ("number", ObservedColumn("f", "float", "float(5,2)", scale=2)),
        ("number", ObservedColumn("f", "int", "int(11)")),
        ("number", ObservedColumn("f", "double", "double(6,2)", scale=2)),
        ("date", ObservedColumn("f", "datetime", "datetime(6)", scale=6)),
        ("date", ObservedColumn("f", "timestamp", "timestamp(6)", scale=6)),
        ("ip", ObservedColumn("f", "inet6", "inet6")),
    ],
)
def test_a_column_that_would_change_values_is_refused(kind: str, column: ObservedColumn) -> None:
    with pytest.raises(TableMismatch, match=r"(?s)table t .*column f is .*ALTER TABLE `t`\n +MODIFY COLUMN `f`"):
        limits_of(MYSQL, table(column), cleaning(field(kind)), 16, quote)


@pytest.mark.parametrize(
    ("key", "unique", "twin"),
    [
        (UniqueKey("PRIMARY", ("f",)), ("f",), True),
        (UniqueKey("theirs", ("G", "F")), ("f", "g"), True),
        (UniqueKey("theirs", ("f", "g")), ("f",), False),
        (UniqueKey("theirs", ("f",)), ("f", "g"), False),
        (UniqueKey("prefix", ("f",), whole=False), ("f",), False),
        (UniqueKey("theirs", ("f",)), (), False),
    ],
)
def test_a_key_of_theirs_tells_duplicates_where_it_is_on_what_identifies_a_record(
    key: UniqueKey, unique: tuple[str, ...], twin: bool
) -> None:
    assert twin_keys(table(keys=(key,)), unique) == ((key,) if twin else ())


@pytest.mark.parametrize(
    ("column", "wanted", "loses_nothing"),
    [
        (ObservedColumn("f", "int", "int(11)"), "DOUBLE", True),
        (ObservedColumn("f", "bigint", "bigint(20)"), "DOUBLE", False),
        (ObservedColumn("f", "double", "double"), "BIGINT", False),
        (ObservedColumn("f", "datetime", "datetime"), "DATE", False),
        (ObservedColumn("f", "date", "date"), "DATETIME(6)", True),
        (ObservedColumn("f", "set", "set('a')"), "MEDIUMTEXT", True),
        (ObservedColumn("f", "blob", "blob"), "TEXT", False),
    ],
)
def test_a_type_is_changed_only_where_what_stands_stays(
    column: ObservedColumn, wanted: str, loses_nothing: bool
) -> None:
    assert widens(column, wanted) is loses_nothing


def test_the_keys_of_the_identity_are_those_on_it_alone() -> None:
    assert identity_keys(table(keys=(UniqueKey("wide", (ID, "f")), UniqueKey("again", ("_DCP_ID",))))) == {ID, "again"}


@pytest.mark.parametrize(
    ("declared", "expected"),
    [("VARCHAR(9)", "text"), ("BIGINT", "integer"), ("POINT", "integer"), ("", "blob"), ("DOUBLE", "real"), ("DATETIME", "numeric")],
)  # fmt: skip
def test_sqlites_affinity_is_told_from_the_declared_type(declared: str, expected: str) -> None:
    assert affinity(declared) == expected


@pytest.mark.parametrize(
    ("max_length", "expected"),
    [(None, "TEXT"), (0, "VARCHAR(1)"), (100, "VARCHAR(100)"), (15_001, "TEXT"), (16_384, "MEDIUMTEXT"), (5_000_000, "LONGTEXT")],
)  # fmt: skip
def test_a_strings_type_holds_its_longest_value(max_length: int | None, expected: str) -> None:
    assert field_types([field("string", max_length)]) == {"f": expected}


def test_the_longest_strings_become_texts_where_a_row_would_be_too_long() -> None:
    fields = [
        Field(name=f"f{n}", constraints=Constraints(max_length=length)) for n, length in enumerate((10_000, 9_000, 50))
    ]
    assert field_types(fields) == {"f0": "TEXT", "f1": "VARCHAR(9000)", "f2": "VARCHAR(50)"}


def test_the_table_is_made_with_rows_of_a_batch_side_by_side() -> None:
    statement = create_table("t", [field("datetime")], 20, quote)
    assert statement.startswith("CREATE TABLE `t` (`f` DATETIME(6), `_dcp_id` BINARY(20) NOT NULL, ")
    assert "PRIMARY KEY (`_dcp_batch`, `_dcp_record`), UNIQUE KEY `_dcp_id` (`_dcp_id`)" in statement
    assert "ENGINE=InnoDB" in statement
    assert SQLITE.column_types([field("string", 5)], 20)["f"] == "TEXT"


@pytest.mark.parametrize(
    ("kind", "column", "wanted"),
    [
        ("boolean", ObservedColumn("f", "bit", "bit(1)"), "BOOLEAN"),
        ("integer", ObservedColumn("f", "bit", "bit(8)"), "BIGINT"),
        ("number", ObservedColumn("f", "year", "year(4)"), "DOUBLE"),
        ("string", ObservedColumn("f", "set", "set(" + ",".join(f"'{n}'" for n in range(40)) + ")"), "TEXT"),
    ],
)
def test_what_bit_year_and_a_long_set_cannot_hold_is_in_the_script(
    kind: str, column: ObservedColumn, wanted: str
) -> None:
    with pytest.raises(TableMismatch, match=rf"MODIFY COLUMN `f` {wanted}"):
        limits_of(MYSQL, table(column), cleaning(field(kind)), 16, quote)
