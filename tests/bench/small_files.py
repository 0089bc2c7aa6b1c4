"""What many small files cost: `dcp run --once` on a folder of files of five records, then a second look, then `verify`.

    PYTHONPATH=tests python -m bench.small_files [--files 1000 10000 100000] [--sinks sqlite mariadb] [--who ours floor]

CPU is of that process with its embedded queue; the database server's stands beside it. "first fifth" and "last fifth" are the
CPU of both for a file, while those of them are read and settled. Beside it the floor: a loop of Python's own csv reader with
`executemany` and a commit for each file, as one writes it in ten minutes: it keeps no books, remembers no file, checks
nothing but the key.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pymysql

from bench.history import SINK, cost_of, told
from bench.usage import cpu_seconds, family
from support.mariadb_server import MariaDBServer, free_port

SPEC = """
apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {name: past}
spec:
  sources: [{name: files, file: {path: FOLDER}}]
  cleaning:
    fields: [{name: at, type: datetime}, {name: a, type: integer}, {name: b, type: string}]
    unique: [at, a]
"""
ROWS = 5
POLL_SECONDS = 0.5
PARTS = 5
LEAST_SAMPLES = 3

FLOOR = """
import csv, sys
from pathlib import Path
kind, folder, place = sys.argv[1:4]
if kind == "sqlite":
    import sqlite3
    connection = sqlite3.connect(place)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE plain (at TEXT, a INTEGER, b TEXT, UNIQUE (at, a))")
    statement = "INSERT OR IGNORE INTO plain VALUES (?, ?, ?)"
else:
    import pymysql
    host, port, user, password, database = place.split("|")
    connection = pymysql.connect(host=host, port=int(port), user=user, password=password, database=database)
    connection.cursor().execute("CREATE TABLE plain (at DATETIME(6), a BIGINT, b TEXT, UNIQUE KEY k (at, a))")
    statement = "INSERT IGNORE INTO plain VALUES (%s, %s, %s)"
cursor = connection.cursor()
for path in sorted(Path(folder).iterdir()):
    with path.open(newline="") as file:
        rows = [(row["at"].rstrip("Z"), int(row["a"]), row["b"]) for row in csv.DictReader(file)]
    cursor.executemany(statement, rows)
    connection.commit()
"""


@dataclass(frozen=True)
class Sink:
    """Where rows go: a file beside the spec, or a database of a server with its defaults."""

    server: MariaDBServer | None = None

    @property
    def kind(self) -> str:
        return "sqlite" if self.server is None else "mariadb"

    @property
    def environment(self) -> dict[str, str]:
        secret = {} if self.server is None else {"DCP_SECRET_SINK_PASSWORD": self.server.password}
        return dict(os.environ) | {"LOG_LEVEL": "warning"} | secret

    def spec(self, feed: Path, database: str) -> str:
        sink = "" if self.server is None else SINK.replace("URL", self.server.create_database(database))
        return SPEC.replace("FOLDER", str(feed)) + sink

    def place(self, folder: Path, database: str) -> str:
        """For the floor."""
        if self.server is None:
            return str(folder / "floor.db")
        self.server.create_database(database)
        return "|".join((self.server.host, str(self.server.port), self.server.user, self.server.password, database))

    def cpu_seconds(self) -> float:
        """Of the server so far."""
        return 0.0 if self.server is None else cpu_seconds(self.server.pid)


@dataclass(frozen=True)
class Spent:
    """So many files are read and settled after so long, for so much CPU."""

    files: int
    seconds: float
    ours: float
    server: float


NOTHING = Spent(0, 0.0, 0.0, 0.0)


def main() -> None:
    """Print a table's line for each sink, number of files and contestant."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--files", type=int, nargs="+", default=[1000, 10_000, 100_000])
    asked.add_argument("--sinks", nargs="+", default=["sqlite", "mariadb"])
    asked.add_argument("--who", nargs="+", default=["ours", "floor"], choices=["ours", "floor"])
    given = asked.parse_args()
    print("| sink | files | who | files/s | CPU-ms a file | of the server | first fifth | last fifth |", flush=True)
    print("|---|---:|---|---:|---:|---:|---:|---:|", flush=True)
    for kind in given.sinks:
        with sink_of(kind) as sink:
            for files in given.files:
                with tempfile.TemporaryDirectory() as folder:
                    play(Path(folder), files, sink, given.who)


@contextmanager
def sink_of(kind: str) -> Iterator[Sink]:
    """SQLite, or a new MariaDB with its defaults."""
    if kind == "sqlite":
        yield Sink()
        return
    with tempfile.TemporaryDirectory() as folder:
        server = MariaDBServer(Path(folder), free_port(), (), tuning=())
        server.install()
        server.start()
        try:
            yield Sink(server)
        finally:
            server.kill()


def play(folder: Path, files: int, sink: Sink, who: Sequence[str]) -> None:
    """One number of files. Fails where a command does: books that do not balance are no figure."""
    feed = folder / "feed"
    feed.mkdir()
    if "ours" in who:
        play_ours(folder, feed, files, sink)
    if "floor" in who:
        write_files(feed, files)
        place = sink.place(folder, f"floor_{files}")
        program = [sys.executable, "-c", FLOOR, sink.kind, str(feed), place]
        counted = counter(sink, folder / "floor.db", f"floor_{files}", f"SELECT COUNT(*) DIV {ROWS} FROM plain")
        samples = measured(folder, sink, program, counted)
        print(line(sink.kind, files, "a loop, a commit each", samples, NOTHING), flush=True)


def play_ours(folder: Path, feed: Path, files: int, sink: Sink) -> None:
    """All that is new, a second look, and the books."""
    (folder / "past.yaml").write_text(sink.spec(feed, f"ours_{files}"))
    nothing = cost_of(folder, sink.environment, "run", "past.yaml", "--once")
    write_files(feed, files)
    program = [sys.executable, "-m", "dcp_cli", "run", "past.yaml", "--once"]
    # The fetcher may be far ahead: a file counts half when it is recorded, and whole when it is settled.
    settled = "SELECT COUNT(*) FROM dcp_batches WHERE state = 'done'"
    done = f"SELECT ((SELECT COUNT(*) FROM dcp_objects) + ({settled})) DIV 2"
    samples = measured(folder, sink, program, counter(sink, folder / "past.db", f"ours_{files}", done))
    print(line(sink.kind, files, "ours", samples, Spent(0, nothing.seconds, nothing.cpu_seconds, 0.0)), flush=True)
    for command in (("run", "past.yaml", "--once"), ("verify", "past.yaml")):
        print(f"<!-- {' '.join(command)}: {told(cost_of(folder, sink.environment, *command))} -->", flush=True)


def counter(sink: Sink, file: Path, database: str, query: str) -> Callable[[], int]:
    """How many files are settled: 0 where that cannot be told yet."""

    def count() -> int:
        try:
            if sink.server is not None:
                return int(sink.server.execute(query, database)[0][0])
            with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=60)) as connection:
                return int(connection.execute(query.replace("DIV", "/")).fetchone()[0])
        except (sqlite3.Error, pymysql.err.Error):
            return 0

    return count


def measured(folder: Path, sink: Sink, program: Sequence[str], counted: Callable[[], int]) -> list[Spent]:
    """How it went on, to its end. Raises SystemExit where it fails."""
    began, server, samples = time.perf_counter(), sink.cpu_seconds(), [NOTHING]
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(program, cwd=folder, env=sink.environment, stdout=out, stderr=out)
        try:
            while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
                time.sleep(POLL_SECONDS)
                with suppress(OSError):
                    ours = sum(map(cpu_seconds, family(process.pid)))
                    passed = time.perf_counter() - began
                    samples.append(Spent(counted(), passed, ours, sink.cpu_seconds() - server))
        except BaseException:
            process.kill()
            raise
    _, status, used = ended
    if status:
        raise SystemExit(f"{program}: {(folder / 'out').read_text()[-2000:]}")
    # What ends last is one poll late at most; the queue's server was waited for, and is counted.
    last = Spent(counted(), time.perf_counter() - began, used.ru_utime + used.ru_stime, sink.cpu_seconds() - server)
    return [*samples, last]


def line(kind: str, files: int, who: str, samples: Sequence[Spent], nothing: Spent) -> str:
    """A line of the table. `nothing`: what a run costs that finds nothing, which is left out."""
    last = samples[-1]
    if last.files != files:
        raise SystemExit(f"{who}: {last.files} of {files} files are settled")
    rate = files / max(last.seconds - nothing.seconds, 1e-9)
    first, end = (part(samples, files * at // PARTS, files * (at + 1) // PARTS) for at in (0, PARTS - 1))
    ours, server = 1000 * (last.ours - nothing.ours) / files, 1000 * last.server / files
    return f"| {kind} | {files:,} | {who} | {rate:,.0f} | {ours:.2f} | {server:.2f} | {first} | {end} |"


def part(samples: Sequence[Spent], start: int, end: int) -> str:
    """CPU-ms a file, of the process and the database's server, between two numbers of files."""
    inside = [each for each in samples if start <= each.files <= end and each.files]
    if len(inside) < LEAST_SAMPLES or inside[-1].files == inside[0].files:
        return "-"
    cpu = inside[-1].ours + inside[-1].server - inside[0].ours - inside[0].server
    return f"{1000 * cpu / (inside[-1].files - inside[0].files):.2f}"


def write_files(feed: Path, files: int) -> None:
    for number in range(files):
        rows = "".join(f"2026-01-01T00:00:{row:02}Z,{ROWS * number + row},x{number}\n" for row in range(ROWS))
        file = feed / f"{number:07}.csv"
        file.write_text("at,a,b\n" + rows)
        os.utime(file, (0, time.time() - 3600))  # settled long ago


if __name__ == "__main__":
    main()
