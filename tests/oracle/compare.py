"""Compares a sink with what the oracle expects: every identity once, its row one of the candidates, rejects equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text

from oracle.oracle import Expected, Row


def rows_of(engine: Engine, table: str = "botnet") -> Iterable[Row]:
    """The clean table's rows, as the oracle writes them."""
    columns = "seen_at, src_ip, src_port, dst_ip, family, src_country"
    with engine.connect() as connection:
        for row in connection.execution_options(yield_per=10_000).execute(text(f"SELECT {columns} FROM {table}")):
            yield (_moment(row[0]), *row[1:])


def _moment(value: Any) -> str:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    assert moment.microsecond == 0, moment
    return moment.isoformat(" ")


def rejects_of(engine: Engine) -> Counter[tuple[str, int, str]]:
    """(file name, record, code) of each reject."""
    query = "SELECT o.uri, r.record, r.code FROM dcp_rejects r JOIN dcp_objects o ON o.id = r.object_id"
    with engine.connect() as connection:
        return Counter((uri.rsplit("/", 1)[-1], record, code) for uri, record, code in connection.execute(text(query)))


def assert_equals_oracle(engine: Engine, expected: Expected, table: str = "botnet") -> None:
    """Fail with the first differences."""
    seen: Counter[tuple[str, str, str | None, str]] = Counter()
    strange = []
    for row in rows_of(engine, table):
        identity = (row[0], row[1], row[3], row[4])
        seen[identity] += 1
        if row not in expected.candidates.get(identity, ()):
            strange.append(row)
    assert not strange, f"{len(strange)} rows that no record of the source gives: {strange[:3]}"
    doubled = [identity for identity, count in seen.items() if count > 1]
    assert not doubled, f"{len(doubled)} identities are doubled: {doubled[:3]}"
    lost = expected.candidates.keys() - seen.keys()
    assert not lost, f"{len(lost)} identities are lost: {list(lost)[:3]}"
    rejected = rejects_of(engine)
    assert rejected == expected.rejects, {
        "not rejected": list((expected.rejects - rejected).items())[:5],
        "rejected for nothing": list((rejected - expected.rejects).items())[:5],
    }


def assert_totals(answer: dict[str, Any], expected: Expected) -> None:
    """The summary's totals are the oracle's."""
    totals = {name: answer[name] for name in ("read", "written", "duplicates", "rejected", "filtered", "dead")}
    assert totals == {
        "read": expected.read,
        "written": expected.written,
        "duplicates": expected.duplicates,
        "rejected": expected.rejected,
        "filtered": 0,
        "dead": 0,
    }
