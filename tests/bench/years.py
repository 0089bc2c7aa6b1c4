"""`make bench-years`: what a row costs in a table that has grown for years, by its key and the order of its feed.

    PYTHONPATH=tests python -m bench.years [--millions 1 2 5 10 20 50] [--pool 128] [--orders ordered late random]

Rows in the shape of the example go into a MariaDB with its defaults (or a smaller buffer pool, which shows the same shape
sooner) in the way in which a worker sends them, a batch a transaction, with identities of 16 random bytes, as tables of
older releases have them, and with those that begin with their order. Nothing else runs: no queue, no cleaning. A point is
what the rows since the point before it cost. docs/adr/0087 has what else was tried.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from sqlalchemy import Engine

from bench.page import PAGE, put
from bench.usage import Steal, cpu_seconds
from dcp_pipeline.ledger import connect
from dcp_pipeline.ledger.tables import METADATA
from dcp_pipeline.spec.model import Cleaning, Constraints, Field
from dcp_worker.ground.fingerprint import fingerprint
from dcp_worker.ground.order import order_of_field
from dcp_worker.sink.dialects import sink_dialect_of
from dcp_worker.sink.shape import BATCH_BYTES, ID, RECORD
from dcp_worker.sink.table import prepare_table
from support.mariadb_server import MariaDBServer, mariadb_server

CLEANING = Cleaning(
    fields=(
        Field(name="seen_at", type="datetime"),
        Field(name="src_ip", type="ip"),
        Field(name="src_port", type="integer"),
        Field(name="dst_ip", type="ip"),
        Field(name="family", constraints=Constraints(max_length=100)),
        Field(name="src_country", constraints=Constraints(max_length=2)),
    ),
    unique=("seen_at", "src_ip", "dst_ip", "family"),
)
UNIQUE = [(field.name, field.type) for field in CLEANING.fields if field.name in CLEANING.unique]
KEYS = ("random", "ordered")
"""What identities begin with: with the hash, or with their order."""
ORDERS = ("ordered", "late", "random")
BATCH_RECORDS = 8_600
_BEGIN = 1_700_000_000_000_000
_DAY = 86_400_000_000
MILLION = 1_000_000


@dataclass(frozen=True)
class Point:
    """What the rows from the point before up to `rows` cost, for a million of them."""

    rows: int
    server_cpu: float
    our_cpu: float
    wall: float
    pages: float
    """Read into the buffer pool and written out of it."""
    file_mb: float
    """Of the whole table by then."""


@dataclass(frozen=True)
class Course:
    """A table that grows: the key, the order of the feed, when to look, and how many rows make a day."""

    key: str
    order: str
    points: Sequence[int]
    rows_per_day: int

    def batch(self, number: int) -> pl.DataFrame:
        """The rows of a batch, as cleaning would hand them over. The same each time."""
        first = number * BATCH_RECORDS
        at = pl.int_range(first, first + BATCH_RECORDS, eager=True).alias("at")
        chance = [at.hash(seed).alias(f"h{seed}") for seed in range(4)]
        frame = pl.DataFrame([at, *chance])
        rows = frame.select(
            (self._moment() + _BEGIN).cast(pl.Datetime("us")).alias("seen_at"),
            _address("h0").alias("src_ip"),
            (pl.col("h1") % 65_536).cast(pl.Int64).alias("src_port"),
            pl.concat_str(pl.lit("10.0.0."), pl.col("h2") % 256).alias("dst_ip"),
            pl.concat_str(pl.lit("family-"), pl.col("h1") % 40).alias("family"),
            pl.lit("DE").alias("src_country"),
            (pl.col("at") - first + 1).alias(RECORD),
        )
        order = order_of_field("seen_at", "datetime") if self.key == "ordered" else None
        return rows.with_columns(fingerprint(UNIQUE, order=order).alias(ID)).sort(ID)

    def _moment(self) -> pl.Expr:
        step = _DAY // self.rows_per_day
        ordered = pl.col("at") * step
        if self.order == "random":
            return (pl.col("h3") % self.points[-1]).cast(pl.Int64) * step
        if self.order == "late":
            late = (pl.col("h2") % _DAY).cast(pl.Int64)
            return ordered - pl.when(pl.col("h3") % 20 == 0).then(late).otherwise(0)
        return ordered


def _address(column: str) -> pl.Expr:
    parts = [pl.col(column) // 256**n % 256 for n in range(4)]
    return pl.concat_str(*parts, separator=".")


def grow(server: MariaDBServer, course: Course) -> Iterator[Point]:
    """Fill a table of its own, point by point."""
    server.execute("DROP DATABASE IF EXISTS years")
    server.execute("CREATE DATABASE years")
    engine = connect(server.url(database="years"), password=server.password)
    try:
        yield from _grown(server, engine, course)
    finally:
        engine.dispose()


def _grown(server: MariaDBServer, engine: Engine, course: Course) -> Iterator[Point]:
    dialect = sink_dialect_of(engine)
    with engine.connect() as connection:
        METADATA.create_all(connection)
        unique = '","'.join(CLEANING.unique)
        if course.key == "random":
            # As a table of an older release.
            connection.exec_driver_sql(
                f"""INSERT INTO dcp_meta VALUES ('table/grown', '{{"fingerprint":1,"unique":["{unique}"]}}')"""
            )
            quote = connection.dialect.identifier_preparer.quote_identifier
            connection.exec_driver_sql(dialect.create_table("grown", CLEANING.fields, 16, quote))
        table = prepare_table(connection, CLEANING, "grown").table
        before, number = _spent(server), 0
        for reached in course.points:
            done, wall = number * BATCH_RECORDS, 0.0
            while number * BATCH_RECORDS < reached:
                rows, batch = course.batch(number), number.to_bytes(BATCH_BYTES, "big").hex()
                started, ours = time.monotonic(), time.process_time()
                dialect.ways(table, False).fast(table, batch, rows)(connection)
                connection.commit()
                wall += time.monotonic() - started
                before = (*before[:2], before[2] + time.process_time() - ours)
                number += 1
            after = _spent(server)
            part = (number * BATCH_RECORDS - done) / MILLION
            size = (server.folder / "data" / "years" / "grown.ibd").stat().st_size / 1e6
            cpu, pages = after[0] - before[0], after[1] - before[1]
            yield Point(number * BATCH_RECORDS, cpu / part, before[2] / part, wall / part, pages / part, size)
            before = (*after[:2], 0.0)


def _spent(server: MariaDBServer) -> tuple[float, float, float]:
    """CPU-s of the server, pages it read and wrote; and nothing of ours yet."""
    names = "'Innodb_buffer_pool_reads', 'Innodb_pages_written'"
    status = server.execute(f"SHOW GLOBAL STATUS WHERE Variable_name IN ({names})")
    return cpu_seconds(server.pid), float(sum(int(value) for _, value in status)), 0.0


@contextmanager
def server_with(pool_mb: int) -> Iterator[MariaDBServer]:
    """A server with its defaults but for the buffer pool."""
    with mariadb_server() as server:
        server.tuning = (f"--innodb-buffer-pool-size={pool_mb}M", "--local-infile=ON")
        server.restart()
        yield server


def table(found: dict[tuple[str, str], list[Point]]) -> str:
    """For docs/benchmarks.md."""
    head = (
        "| feed | identities begin with | rows | server CPU-s/M | ours | wall s/M | pages/M | file MB |\n| --- | --- |"
        + " ---: |" * 6
    )
    lines = [
        f"| {order} | {'the hash' if key == 'random' else 'their order'} | {each.rows / MILLION:.1f} M | {each.server_cpu:.1f} | "
        f"{each.our_cpu:.1f} | {each.wall:.1f} | {each.pages:,.0f} | {each.file_mb:,.0f} |"
        for (order, key), points in found.items()
        for each in points
    ]
    return "\n".join([head, *lines])


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bench.years", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--millions", nargs="+", type=float, default=[1, 2, 5, 10, 20, 50], help="when to look")
    parser.add_argument("--pool", type=int, default=128, help="MiB of buffer pool; MariaDB's default is 128")
    parser.add_argument("--orders", nargs="+", choices=ORDERS, default=list(ORDERS))
    parser.add_argument("--keys", nargs="+", choices=KEYS, default=list(KEYS))
    parser.add_argument("--day", type=int, default=300_000, help="rows that make a day")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    points, steal = [int(each * MILLION) for each in options.millions], Steal()
    found: dict[tuple[str, str], list[Point]] = {}
    for order in options.orders:
        for key in options.keys:
            with server_with(options.pool) as server:
                found[order, key] = list(grow(server, Course(key, order, points, options.day)))
            print(table({(order, key): found[order, key]}), flush=True)
    about = (
        f"MariaDB with its defaults, {options.pool} MiB of buffer pool, {BATCH_RECORDS:,} rows a transaction, "
        f"{options.day:,} rows a day; *late*: 5 % by up to a day. {time.strftime('%Y-%m-%d')}, 2 cores; meanwhile the host "
        f"gave {steal.share():.0%} of the CPU time to others."
    )
    put(options.page, "years", f"{table(found)}\n\n{about}")


if __name__ == "__main__":
    main()
