"""What a long history costs: looks, `status`, `objects ls` and `verify` on a ledger that knows so many objects.

    PYTHONPATH=tests python -m bench.history [--objects 1000 1000000] [--listed 1000] [--new 5] [--mariadb]

A folder of small files is read for real; then objects and batches of the same source are put into the ledger, as if
files had come and gone for years; then new files come, and each command is a process of its own. Memory is that
process' peak, the embedded queue's not included. SQLite, or a MariaDB with its defaults.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from dcp_pipeline.batch import batch_id, object_id
from dcp_pipeline.ledger import Ledger, connect
from support.mariadb_server import shared_mariadb

PIPELINE, SOURCE, ROWS_AT_ONCE = "default/past", "files", 20_000
SPEC = """
apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {name: past}
spec:
  sources: [{name: files, file: {path: FOLDER}}]
  cleaning:
    fields: [{name: a, type: integer}, {name: b, type: string}]
    unique: [a]
"""
SINK = "  sink: {sql: {url: 'URL', table: past, password: {secretKeyRef: {name: sink, key: password}}}}\n"
OBJECT = (
    "INSERT INTO dcp_objects (id, pipeline, source, uri, uri_digest, version, revision, state, header_end, header_lines, "
    "created_at, updated_at) VALUES (:id, :pipeline, :source, :uri, :uri_digest, 'v', 'r', 'cut', 0, 0, :at, :at)"
)
BATCH = (
    "INSERT INTO dcp_batches (id, pipeline, object_id, kind, sequence, start, {end}, records, first_record, first_line, "
    "digest, state, {read}, written, duplicates, rejected, filtered, created_at, settled_at) VALUES (:batch, :pipeline, "
    ":id, 'cut', 0, 0, 10, 5, 1, 1, :digest, 'done', 5, 0, 5, 0, 0, :at, :at)"
)


@dataclass(frozen=True)
class Cost:
    """Of one process."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


def main() -> None:
    """Print a line for each size and command."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--objects", type=int, nargs="+", default=[1000, 1_000_000])
    asked.add_argument("--listed", type=int, default=1000)
    asked.add_argument("--new", type=int, default=5)
    asked.add_argument("--mariadb", action="store_true")
    given = asked.parse_args()
    for objects in given.objects:
        with tempfile.TemporaryDirectory() as folder:
            environment = dict(os.environ)
            if given.mariadb:
                server = shared_mariadb()
                url, password = server.create_database(f"past_{objects}"), server.password
                environment |= {"DCP_SECRET_SINK_PASSWORD": password}
            else:
                url, password = f"sqlite:///{folder}/past.db", ""
            play(Path(folder), objects, given.listed, given.new, environment, (url, password))


def play(folder: Path, objects: int, listed: int, new: int, environment: dict[str, str], sink: tuple[str, str]) -> None:
    """One size. `sink`: its URL and its password."""
    feed = folder / "feed"
    feed.mkdir()
    where = SINK.replace("URL", sink[0]) if sink[1] else ""
    (folder / "past.yaml").write_text(SPEC.replace("FOLDER", str(feed)) + where)
    write_files(feed, 0, listed)
    first = cost_of(folder, environment, "run", "past.yaml", "--once")
    engine = connect(sink[0], password=sink[1] or None)
    fill(engine, objects)
    counted = count(Ledger(engine, PIPELINE))
    engine.dispose()
    write_files(feed, listed, listed + new)
    print(
        f"{objects:,} objects known, {listed:,} listed: their first run {told(first)}; counted once in {counted:.1f} s",
        flush=True,
    )
    name = object_id(PIPELINE, SOURCE, uri_of(objects // 2), "v") if objects else ""
    for command in (
        ("run", "past.yaml", "--once"),
        ("run", "past.yaml", "--once"),
        ("status", "past.yaml"),
        ("status", "past.yaml", "-o", "json"),
        ("objects", "ls", "past.yaml"),
        ("objects", "ls", "past.yaml", *(("--before", name[:12]) if name else ())),
        ("objects", "ls", "past.yaml", "--state", "unavailable"),
        ("verify", "past.yaml", "--since", "1h"),
        ("verify", "past.yaml"),
    ):
        print(f"  {' '.join(command):<50} {told(cost_of(folder, environment, *command))}", flush=True)


def write_files(folder: Path, first: int, last: int) -> None:
    """Files of one record."""
    for number in range(first, last):
        file = folder / f"{number:07}.csv"
        file.write_text(f"a,b\n{number},x\n")
        os.utime(file, (0, time.time() - 3600))  # settled long ago


def fill(engine: Engine, objects: int) -> None:
    """Objects that were read, each of one batch."""
    with engine.begin() as connection:
        for start in range(0, objects, ROWS_AT_ONCE):
            put(connection, [row(number) for number in range(start, min(start + ROWS_AT_ONCE, objects))])


def put(connection: Connection, rows: list[dict[str, object]]) -> None:
    quote = connection.dialect.identifier_preparer.quote_identifier
    connection.execute(text(OBJECT), rows)
    connection.execute(text(BATCH.format(end=quote("end"), read=quote("read"))), rows)


def count(ledger: Ledger) -> float:
    """Count what stands there, as the fetcher does beside its work after an upgrade; how long that took."""
    began, number = time.perf_counter(), 0
    while (step := ledger.count_settled(number)).number:
        number = step.number
    return time.perf_counter() - began


def uri_of(number: int) -> str:
    return f"file:///var/feeds/of/years/gone/{number:09}.csv"


def row(number: int) -> dict[str, object]:
    """What the ledger says of one object."""
    uri = uri_of(number)
    one = object_id(PIPELINE, SOURCE, uri, "v")
    digest = f"{number:032x}"
    return {
        "id": one,
        "pipeline": PIPELINE,
        "source": SOURCE,
        "uri": uri,
        "uri_digest": f"{number:032x}",
        "batch": batch_id(PIPELINE, SOURCE, one, 0, 10, digest),
        "digest": digest,
        "at": "2025-01-01 00:00:00",
    }


def cost_of(folder: Path, environment: dict[str, str], *arguments: str) -> Cost:
    """Run `dcp`; raises where it fails."""
    began = time.perf_counter()
    out = os.open(folder / "out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    pid = os.posix_spawn(
        sys.executable,
        [
            sys.executable,
            "-c",
            f"import os, runpy, sys; os.chdir({str(folder)!r}); "
            f"sys.argv[1:] = {list(arguments)!r}; runpy.run_module('dcp_cli', run_name='__main__')",
        ],
        environment,
        file_actions=[(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, out, 2)],
    )
    _, status, used = os.wait4(pid, 0)
    os.close(out)
    if status:
        raise SystemExit(f"dcp {' '.join(arguments)}: {(folder / 'out').read_text()[-2000:]}")
    return Cost(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def told(cost: Cost) -> str:
    return f"{cost.seconds:6.1f} s, {cost.cpu_seconds:6.1f} CPU-s, {cost.peak_mb:6.0f} MB"


if __name__ == "__main__":
    main()
