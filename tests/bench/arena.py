"""What one measurement happens in: a database server of its own with its defaults, a Redis of its own, the feed.

Each measurement has servers that were just started on an empty data folder, so that no contestant finds another's
purge, dirty pages or warm buffers.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.feed import Feed, serving
from bench.usage import cpu_seconds, peak_mb
from support.mariadb_server import MariaDBServer, free_port
from support.redis_server import RunningServer, redis_server


@dataclass(frozen=True)
class Outcome:
    """What stands in the database at the end, by one aggregate query each: equal for all who do the same work."""

    rows: int
    rows_checksum: int
    """Over the identity and what was looked up for it. Not src_port: which of two duplicates stays is not promised."""
    rejects: int
    rejects_checksum: int
    """Over the bytes of the refused records."""


@dataclass(frozen=True)
class Measured:
    """One contestant, once. CPU in seconds, memory in MB (10^6 bytes), by process."""

    contestant: str
    records: int
    rows: int
    seconds: float
    """From the first fetch to the last commit."""
    cpu: Mapping[str, float]
    """Spent in these seconds."""
    start_cpu: Mapping[str, float]
    """Spent before: interpreter, imports, connections."""
    peak_mb: Mapping[str, float]
    outcome: Outcome | None


@dataclass(frozen=True)
class Arena:
    """Servers that nobody else uses, and a folder to write to."""

    folder: Path
    feed: Feed
    records: int
    database: MariaDBServer
    redis: RunningServer

    def servers_cpu(self) -> dict[str, float]:
        """CPU seconds of the servers so far."""
        return {"redis": cpu_seconds(self.redis.pid), "mariadb": cpu_seconds(self.database.pid)}

    def servers_peak(self) -> dict[str, float]:
        return {"redis": peak_mb(self.redis.pid), "mariadb": peak_mb(self.database.pid)}


class Contestant(Protocol):
    """Whoever is measured."""

    @property
    def name(self) -> str: ...

    def run(self, arena: Arena) -> Measured:
        """Do the work once. Raises AssertionError where it was not done."""
        ...


class Arenas:
    """Makes arenas on a feed. `folder` is where data folders are made."""

    def __init__(self, folder: Path, feed_folder: Path, records: int, database_options: tuple[str, ...] = ()) -> None:
        self._folder, self._feed_folder, self._records = folder, feed_folder, records
        self._options = database_options
        self.database_version = ""
        """Of the servers that were started."""
        self._template = MariaDBServer(folder / "template", free_port(), ())
        self._template.folder.mkdir()
        self._template.install()

    @contextmanager
    def arena(self) -> Iterator[Arena]:
        """Fresh servers; gone afterwards."""
        os.sync()
        with ExitStack() as stack:
            folder = Path(tempfile.mkdtemp(dir=self._folder, prefix="run-"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            database = self._database(folder / "mariadb")
            stack.callback(database.kill)
            database.start()
            database.execute("CREATE DATABASE bench")
            self.database_version = str(database.execute("SELECT VERSION()")[0][0])
            yield Arena(
                folder,
                feed=stack.enter_context(serving(self._feed_folder)),
                records=self._records,
                database=database,
                redis=stack.enter_context(redis_server()),
            )

    def _database(self, folder: Path) -> MariaDBServer:
        shutil.copytree(self._template.folder, folder)
        # No settings but the defaults: what a reader of the figures has too.
        return MariaDBServer(folder, free_port(), self._options, tuning=())


def minus(now: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    """What was spent between two looks."""
    return {name: spent - before.get(name, 0.0) for name, spent in now.items()}
