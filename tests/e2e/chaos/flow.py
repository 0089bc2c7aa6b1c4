"""Data that flows: files appear in the feed one after the other, as fast as they are worked off."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import maxminddb
from sqlalchemy import Engine, text

from chaos.verdict import Content
from e2e.chaos.plan import arrival_of
from e2e.support.stage import POLL_SECONDS, Stage
from oracle.oracle import outcomes
from support.databases import OF_DRIVERS
from support.dcp_process import EXAMPLES

MOST_UNSETTLED = 1_000
"""Records that wait. So work is always there, and a fault's end finds a backlog that is not its beginning's."""


class Flow:
    """What was put into the feed so far."""

    def __init__(self, stage: Stage, seed: int, folder: Path) -> None:
        self._stage, self._seed, self._folder = stage, seed, folder
        self.history: dict[str, tuple[Content, ...]] = {}
        """File name -> what the oracle says of it. Written by one thread; read it when the flow is over."""
        self._records = 0
        self._over = threading.Event()

    def run(self) -> None:
        """Until stop()."""
        with maxminddb.open_database(str(EXAMPLES / "country.mmdb")) as countries:
            while not self._over.is_set():
                self._put(countries)
                while self._waits() and not self._over.wait(POLL_SECONDS):
                    pass

    def stop(self) -> None:
        self._over.set()

    def _put(self, countries: maxminddb.Reader) -> None:
        arrival = arrival_of(self._seed, len(self.history))
        path = self._folder / arrival.name
        path.write_bytes(gzip.compress(arrival.text, mtime=0) if arrival.packed else arrival.text)
        self._stage.put(path, f"sinkhole/{arrival.name}")
        expected = tuple(outcomes(arrival.text, countries))
        self.history[arrival.name] = (Content("", arrival.text, expected),)
        self._records += len(expected)

    def _waits(self) -> bool:
        return self._records - (settled_records(self._stage.database) or 0) >= MOST_UNSETTLED


@contextmanager
def flowing(stage: Stage, seed: int, folder: Path) -> Iterator[Flow]:
    """Until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    flow = Flow(stage, seed, folder)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(flow.run)
        try:
            yield flow
        finally:
            flow.stop()
            running.result()


def settled_records(engine: Engine) -> int | None:
    """Of all objects; None while there are no tables, or no way to them."""
    return number_of(engine, "SELECT COALESCE(SUM(records), 0) FROM dcp_batches WHERE kind = 'cut' AND state = 'done'")


def number_of(engine: Engine, query: str) -> int | None:
    """What a query for one number says; None while there are no tables, or no way to them."""
    with suppress(*OF_DRIVERS), engine.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())
    return None
