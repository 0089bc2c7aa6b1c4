"""The limit: LOAD DATA of the rows that cleaning makes of the feed, with nothing else going on.

The file is prepared before; the table is empty and has the columns and keys of ours. The second contestant's file has
the duplicates in, as LOAD DATA IGNORE would have to take them from someone who does not look for them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql

from bench.arena import Arena, Measured, minus
from bench.ours import TABLE
from support.mariadb_server import MariaDBServer

_NEAR = 2000
"""How far before a duplicate its original may stand, in records: as in the feed."""


@dataclass(frozen=True)
class Prepared:
    """What is loaded."""

    statement: str
    """CREATE TABLE of ours."""
    unique: Path
    rows: int
    with_duplicates: Path
    duplicates: int


def prepare(folder: Path, database: MariaDBServer, records: int, rejects: int) -> Prepared:
    """Take the rows that ours wrote, in the order of the primary key: the order that InnoDB likes best."""
    folder.mkdir()
    unique, repeated = folder / "unique.tsv", folder / "with-duplicates.tsv"
    database.execute(
        f"SELECT * INTO OUTFILE '{unique}' CHARACTER SET binary FROM {TABLE} ORDER BY _dcp_batch, _dcp_record", "bench"
    )
    rows = int(database.execute(f"SELECT COUNT(*) FROM {TABLE}", "bench")[0][0])
    duplicates = records - rejects - rows
    with repeated.open("wb") as out:
        out.writelines(_with_duplicates(unique, rows, duplicates))
    statement = str(database.execute(f"SHOW CREATE TABLE {TABLE}", "bench")[0][1])
    return Prepared(statement, unique, rows, repeated, duplicates)


def _with_duplicates(path: Path, rows: int, duplicates: int) -> Iterator[bytes]:
    """Lines of the file, and now and then one again under another record's number, the last column."""
    chance = random.Random(1)
    again = set(chance.sample(range(rows), duplicates))
    recent: list[bytes] = []
    for number, line in enumerate(_rows(path)):
        yield line
        if len(recent) < _NEAR:
            recent.append(line)
        else:
            recent[number % _NEAR] = line
        if number in again:
            head, record = chance.choice(recent).rsplit(b"\t", 1)
            yield b"%s\t%d\n" % (head, 1_000_000_000 + int(record) * 1000 + number % 1000)


def _rows(path: Path) -> Iterator[bytes]:
    """The rows of a file as the server writes it: identities are bytes, and a line feed in them is escaped."""
    begun = b""
    with path.open("rb") as lines:
        for line in lines:
            begun += line
            if (len(begun) - len(begun[:-1].rstrip(b"\\"))) % 2:
                yield begun
                begun = b""


@dataclass(frozen=True)
class LoadData:
    """Loads a prepared file through a connection of PyMySQL, in one transaction."""

    prepared: Prepared
    duplicates: bool = False

    @property
    def name(self) -> str:
        return "load_data_ignore" if self.duplicates else "load_data"

    def run(self, arena: Arena) -> Measured:
        """From the statement to the commit."""
        prepared = self.prepared
        path = prepared.with_duplicates if self.duplicates else prepared.unique
        arena.database.execute(prepared.statement, "bench")
        with _connection(arena.database) as connection, connection.cursor() as cursor:
            before = arena.servers_cpu() | {"client": time.process_time()}
            started = time.monotonic()
            rows = cursor.execute(f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE {TABLE} CHARACTER SET binary")
            connection.commit()
            seconds = time.monotonic() - started
        spent = arena.servers_cpu() | {"client": time.process_time()}
        assert rows == prepared.rows, f"{rows} rows of {prepared.rows}"
        return Measured(
            contestant=self.name,
            records=rows + (prepared.duplicates if self.duplicates else 0),
            rows=rows,
            seconds=seconds,
            cpu=minus(spent, before),
            start_cpu={},
            peak_mb=arena.servers_peak(),
            outcome=None,
        )


def _connection(database: MariaDBServer) -> pymysql.Connection[Any]:
    return pymysql.connect(
        host=database.host,
        port=database.port,
        user=database.user,
        password=database.password,
        database="bench",
        local_infile=True,
    )
