"""Numbers from a batch's bytes to the table of each database: digit for digit, or among the rejects."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from dcp_pipeline.ledger import Ledger
from dcp_pipeline.spec.model import Cleaning, Format
from dcp_pipeline.verify import verify
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.sink import SinkWriter
from support.batches import cleaning_of
from support.databases import Database
from support.sink_cases import PIPELINE, Source

OWN = "_dcp_id BINARY(16) NOT NULL UNIQUE, _dcp_batch BINARY(16) NOT NULL, _dcp_record BIGINT NOT NULL"
AMOUNTS = ["12345678901234567.89", "90071992547409.93", "0.10", "-99999999999999999.99", "1.005", "1e2"]


def written(database: Database, cleaning: Cleaning, *lines: str, table: str | None = None) -> list[tuple[str, ...]]:
    """The rejects' codes and fields; the rows are in the table `clean`."""
    ledger = Ledger(database.engine, PIPELINE)
    ledger.prepare()
    if table is not None:
        database.execute(f"CREATE TABLE clean ({table}, {OWN})")
    sink = SinkWriter(database.engine, PIPELINE, "clean")
    limits = sink.prepare(cleaning)
    plan = CleaningPlan.compile(cleaning, Format(), limits=limits, ordered=sink.table.ordered)
    batch = Source(ledger, cleaning).lines(*lines)
    sink.commit(batch, plan.clean(batch), worker="w1")
    assert verify(database.engine, PIPELINE, "clean").findings == ()
    assert ledger.books().balanced
    return [(each.code, str(each.field), str(each.record)) for each in ledger.rejects()]


def amounts(field: dict[str, Any]) -> Cleaning:
    return cleaning_of({"name": "n", "type": "integer"}, {"name": "amount", **field}, unique=["n"])


def stored(database: Database, column: str = "amount") -> list[Any]:
    return [row[0] for row in database.execute(f"SELECT {column} FROM clean ORDER BY n")]


def test_a_decimal_column_of_the_users_holds_every_digit(mysql_like: Database) -> None:
    lines = [f"{n},{text}" for n, text in enumerate(AMOUNTS, 1)]
    rejects = written(mysql_like, amounts({"type": "number"}), *lines, table="n BIGINT, amount DECIMAL(20,2)")
    assert rejects == [("constraint-error", "amount", "5")]
    assert stored(mysql_like) == [
        Decimal("12345678901234567.89"), Decimal("90071992547409.93"), Decimal("0.10"),
        Decimal("-99999999999999999.99"), Decimal("100.00"),
    ]  # fmt: skip


def test_the_widest_decimal_column_holds_what_no_other_type_does(mysql_like: Database) -> None:
    widest = "9" * 35 + "." + "1" * 30
    rejects = written(
        mysql_like, amounts({"type": "number"}), f"1,{widest}", f"2,1{widest}", table="n INT, amount DECIMAL(65,30)"
    )
    assert (rejects, stored(mysql_like)) == ([("constraint-error", "amount", "2")], [Decimal(widest)])


def test_a_table_of_our_own_keeps_decimals_exactly_in_every_database(database: Database) -> None:
    field = {"type": "decimal", "precision": 20, "scale": 2}
    rejects = written(database, amounts(field), *(f"{n},{text}" for n, text in enumerate(AMOUNTS, 1)))
    assert rejects == [("constraint-error", "amount", "5")]
    assert [str(each) for each in stored(database)] == [
        "12345678901234567.89", "90071992547409.93", "0.10", "-99999999999999999.99", "100.00",
    ]  # fmt: skip


def test_a_float_column_of_our_own_never_rounds_in_silence(database: Database) -> None:
    rejects = written(database, amounts({"type": "number"}), *(f"{n},{text}" for n, text in enumerate(AMOUNTS, 1)))
    assert rejects == [("constraint-error", "amount", str(n)) for n in (1, 2, 4)]
    assert stored(database) == [0.1, 1.005, 100.0]


@pytest.mark.parametrize("table", [None, "n BIGINT UNSIGNED, amount TEXT", "n DECIMAL(20,0), amount TEXT"])
def test_unsigned_integers_of_64_bits_arrive_as_they_are(mysql_like: Database, table: str | None) -> None:
    field = {"type": "integer", "constraints": {"minimum": 0, "maximum": 2**64 - 1}}
    cleaning = cleaning_of({"name": "n", **field}, {"name": "amount"}, unique=["n"])
    lines = ["18446744073709551615,a", "9223372036854775808,b", "18446744073709551616,c", "7,d", "-1,e"]
    rejects = written(mysql_like, cleaning, *lines, table=table)
    assert rejects == [("constraint-error", "n", "3"), ("constraint-error", "n", "5")]
    assert [int(each) for each in stored(mysql_like, "n")] == [7, 2**63, 2**64 - 1]


def test_sqlite_keeps_unsigned_integers_as_text(sqlite: Database) -> None:
    field = {"type": "integer", "constraints": {"minimum": 0, "maximum": 2**64 - 1}}
    cleaning = cleaning_of({"name": "n", "type": "integer"}, {"name": "id", **field}, unique=["n"])
    assert written(sqlite, cleaning, f"1,{2**64 - 1}", "2,0") == []
    assert stored(sqlite, "id") == [str(2**64 - 1), "0"]
