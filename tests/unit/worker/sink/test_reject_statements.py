"""The rejects of a batch as INSERT statements: every one of them once, in order, in statements of a bounded size."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import Connection

from dcp_worker.sink.mysql import rejects


class Cursor:
    """Keeps what it is to execute."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def execute(self, statement: str) -> None:
        self.statements.append(statement)


def statements_for(rows: list[dict[str, Any]]) -> list[str]:
    cursor = Cursor()
    driver = SimpleNamespace(cursor=lambda: cursor)
    connection = SimpleNamespace(connection=SimpleNamespace(driver_connection=driver))
    rejects.insert_rejects(cast(Connection, connection), rows)
    return cursor.statements


def test_values_are_escaped_and_in_the_order_of_the_columns() -> None:
    [statement] = statements_for(
        [{"record": 1, "raw": b"\x00'", "reason": "it's \\ ä"}, {"record": 2, "raw": None, "reason": ""}]
    )
    assert statement == ("INSERT INTO dcp_rejects (record, raw, reason) VALUES (1,x'0027','it\\'s \\\\ ä'),(2,NULL,'')")


@pytest.mark.parametrize("most", [1, 40, 41, 60, 200, 100_000])
def test_statements_stay_below_their_size_unless_one_reject_is_larger(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(rejects, "_STATEMENT_BYTES", most)
    rows = [{"record": n, "raw": "ä" * (n * 7 % 30)} for n in range(40)]
    statements = statements_for(rows)
    head = "INSERT INTO dcp_rejects (record, raw) VALUES "
    values = [each.removeprefix(head) for each in statements]
    assert ",".join(values) == ",".join(f"({row['record']},'{row['raw']}')" for row in rows)
    for each in values:
        assert len(each.encode()) < max(most, 100) or each.count("(") == 1
        assert len(each.encode()) + 1 <= most or each.count("(") == 1
