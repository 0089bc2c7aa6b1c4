"""Partitions of a clean table of MySQL or MariaDB: ranges of what its rows' identities begin with.

RANGE COLUMNS on the identity, for a unique key of a partitioned table has to hold the column by which it is parted: so
duplicates are told in the whole table by the same key as ever (docs/adr/0115). A partition's name is p and the bound
that its rows are below, as 8 hexadecimal digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, text

_REST = "prest"
_NAME = re.compile(r"p([0-9a-f]{8})")
_WAIT_SECONDS = 1
"""For whoever reads the table: behind an ALTER TABLE that waits, every writer waits as well."""
_PARTITIONS = """
    SELECT PARTITION_NAME AS name FROM information_schema.PARTITIONS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = :table AND PARTITION_METHOD = 'RANGE COLUMNS'
    ORDER BY PARTITION_ORDINAL_POSITION"""


def clause(bounds: Sequence[str]) -> str:
    """What stands behind a CREATE TABLE; the last partition takes what is above all bounds."""
    return f"PARTITION BY RANGE COLUMNS(`_dcp_id`) ({', '.join(_parts(bounds))})"


class Partitions:
    """What a keeper does with them."""

    def bounds(self, connection: Connection, table: str) -> tuple[str, ...] | None:
        """The bounds, in order; None of a table that has no partitions of ours."""
        names = list(connection.execute(text(_PARTITIONS), {"table": table}).scalars())
        if not names or names[-1] != _REST or not all(_NAME.fullmatch(each) for each in names[:-1]):
            return None
        return tuple(each[1:] for each in names[:-1])

    def add(self, connection: Connection, table: str, bounds: Sequence[str]) -> None:
        """Behind those that stand. Raises a lock's error where somebody reads the table for long."""
        quoted = connection.dialect.identifier_preparer.quote_identifier(table)
        with _short_wait(connection):
            connection.exec_driver_sql(
                f"ALTER TABLE {quoted} REORGANIZE PARTITION {_REST} INTO ({', '.join(_parts(bounds))})"
            )

    def part(self, connection: Connection, table: str, key: Sequence[str], bounds: Sequence[str]) -> None:
        """In one statement, which copies the table."""
        quoted = connection.dialect.identifier_preparer.quote_identifier(table)
        columns = ", ".join(f"`{each}`" for each in key)
        connection.exec_driver_sql(
            f"ALTER TABLE {quoted} DROP PRIMARY KEY, ADD PRIMARY KEY ({columns}) {clause(bounds)}"
        )

    def drop(self, connection: Connection, table: str, bounds: Sequence[str]) -> None:
        """With their rows. Raises a lock's error where somebody reads the table for long."""
        quoted = connection.dialect.identifier_preparer.quote_identifier(table)
        with _short_wait(connection):
            connection.exec_driver_sql(f"ALTER TABLE {quoted} DROP PARTITION {', '.join(map(_name, bounds))}")


def _parts(bounds: Sequence[str]) -> Iterator[str]:
    for each in bounds:
        yield f"PARTITION {_name(each)} VALUES LESS THAN (x'{bytes.fromhex(each).hex()}')"
    yield f"PARTITION {_REST} VALUES LESS THAN (MAXVALUE)"


def _name(bound: str) -> str:
    return f"p{bytes.fromhex(bound).hex()}"


@contextmanager
def _short_wait(connection: Connection) -> Iterator[None]:
    before = int(connection.exec_driver_sql("SELECT @@SESSION.lock_wait_timeout").scalar_one())
    connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {_WAIT_SECONDS}")
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {before}")
