"""Compares a sink with what the oracle expects: every identity once, its row one of the candidates, rejects equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text

from oracle.oracle import Expected, Identity, Row


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
    """(file name, record, code) of each reject that no replay has taken."""
    query = (
        "SELECT o.uri, r.record, r.code FROM dcp_rejects r JOIN dcp_objects o ON o.id = r.object_id "
        "WHERE r.state = 'open'"
    )
    with engine.connect() as connection:
        return Counter((uri.rsplit("/", 1)[-1], record, code) for uri, record, code in connection.execute(text(query)))


@dataclass(frozen=True)
class Differences:
    """What a sink holds otherwise than it should. `strange` rows are such as no record of the source gives."""

    strange: tuple[Row, ...]
    doubled: tuple[Identity, ...]
    lost: tuple[Identity, ...]
    rejects_lost: Counter[tuple[str, int, str]]
    rejects_doubled: Counter[tuple[str, int, str]]
    """Doubled, or rejected for nothing."""

    def in_words(self) -> list[str]:
        """What is wrong, each with the first examples."""
        words = {
            "rows that no record of the source gives": self.strange,
            "identities are doubled": self.doubled,
            "identities are lost": self.lost,
            "not rejected": [*self.rejects_lost.elements()],
            "rejected twice or for nothing": [*self.rejects_doubled.elements()],
        }
        return [f"{len(found)} {what}: {list(found)[:3]}" for what, found in words.items() if found]


def differences(engine: Engine, expected: Expected, table: str = "botnet") -> Differences:
    """Compare rows and rejects with what the oracle expects."""
    seen: Counter[Identity] = Counter()
    strange = []
    for row in rows_of(engine, table):
        identity = (row[0], row[1], row[3], row[4])
        seen[identity] += 1
        if row not in expected.candidates.get(identity, ()):
            strange.append(row)
    rejected = rejects_of(engine)
    return Differences(
        strange=tuple(strange),
        doubled=tuple(identity for identity, count in seen.items() if count > 1),
        lost=tuple(expected.candidates.keys() - seen.keys()),
        rejects_lost=expected.rejects - rejected,
        rejects_doubled=rejected - expected.rejects,
    )


def assert_equals_oracle(engine: Engine, expected: Expected, table: str = "botnet") -> None:
    """Fail with the first differences."""
    words = differences(engine, expected, table).in_words()
    assert not words, "\n".join(words)


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
