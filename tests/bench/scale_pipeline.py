"""Whole pipelines by size, with a city database and without, and with the queue and without it."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from bench import memory_queue
from bench.arena import Arenas, Measured
from bench.city import city_database
from bench.feed import feed_folder
from bench.ours import Ours
from bench.usage import cpu_seconds
from support.dcp_process import EXAMPLES, DcpProcess, write_spec

CACHE = Path(__file__).parents[2] / "build" / "bench"
SIZES = (10_000, 100_000, 1_000_000, 5_000_000, 20_000_000)
# So that the server's cache, which is no cost of ours, does not set the curve's shape.
LARGE_CACHE = ("--innodb-buffer-pool-size=4G", "--innodb-log-file-size=1G")


@contextmanager
def folders(records: int) -> Iterator[tuple[Path, Path]]:
    """A folder for servers, and the feed; large feeds are not kept."""
    with tempfile.TemporaryDirectory(prefix="dcp-bench-") as name:
        folder = Path(name)
        feed = feed_folder(CACHE if records <= SIZES[2] else folder / "feeds", records)
        yield folder, feed


def by_records(most: int) -> list[Measured]:
    """Ours end to end, by size."""
    measured = []
    for records in [size for size in SIZES if size <= most]:
        with folders(records) as (folder, feed), Arenas(folder, feed, records, LARGE_CACHE).arena() as arena:
            measured.append(Ours().run(arena))
        print(told(measured[-1]), flush=True)
    return measured


def told(each: Measured) -> str:
    """One line about a run."""
    own = (each.cpu["fetcher"] + each.cpu["worker"]) / each.records * 1e6
    peaks = f"fetcher {each.peak_mb['fetcher']:.0f} MB, worker {each.peak_mb['worker']:.0f} MB"
    return f"{each.records:>12,} records: {each.records / each.seconds:>9,.0f}/s, {own:.2f} CPU-s/M, peak {peaks}"


def enriched(records: int, rounds: int) -> dict[str, Measured]:
    """Ours with the country of each address from a city database, and without; the run of median time of each."""
    geoip = next(line for line in (EXAMPLES / "botnet.yaml").read_text().splitlines() if "geoip:" in line)
    standing = geoip.replace("path: country.mmdb", f"path: {EXAMPLES / 'country.mmdb'}")
    city = geoip.replace("country.mmdb", str(city_database(CACHE))).replace("country_code", "country.iso_code")
    ways = {
        "without": Ours(edits=(("    enrich:\n", ""), (f"{standing}\n", "")), name="without"),
        "city": Ours(edits=((standing, city),), name="city"),
    }
    runs: dict[str, list[Measured]] = {way: [] for way in ways}
    with folders(records) as (folder, feed):
        arenas = Arenas(folder, feed, records)
        for number in range(rounds):
            for way in sorted(ways, reverse=number % 2 == 0):
                with arenas.arena() as arena:
                    # The countries are others than everywhere else, so the checksum is too.
                    runs[way].append(replace(ways[way].run(arena), outcome=None))
                print(f"{way}: {told(runs[way][-1])}", flush=True)
    return {way: sorted(each, key=lambda run: run.seconds)[len(each) // 2] for way, each in runs.items()}


def queue_against_memory(records: int, rounds: int) -> dict[str, dict[str, float]]:
    """Medians of one process with fetcher and workers, its batches through Redis and in memory, alternating."""
    told: dict[str, list[dict[str, float]]] = {"redis": [], "memory": []}
    with folders(records) as (folder, feed):
        arenas = Arenas(folder, feed, records)
        for number in range(rounds):
            for way in sorted(told, reverse=number % 2 == 0):
                told[way].append(_one_process(arenas, way))
                print(f"{way}: {told[way][-1]}", flush=True)
    return {way: {key: median(each[key] for each in runs) for key in runs[0]} for way, runs in told.items()}


def _one_process(arenas: Arenas, way: str) -> dict[str, float]:
    with arenas.arena() as arena:
        sink = arena.database.url(database="bench")
        spec = write_spec(arena.folder / "spec.yaml", arena.feed.url, sink=sink, redis=arena.redis.url)
        program = [sys.executable, memory_queue.__file__]
        process = DcpProcess(
            arena.folder, str(spec), way, env={"DCP_SECRET_SINK_PASSWORD": arena.database.password}, program=program
        )
        assert process.wait(3600) == 0, process.err()[-3000:]
        answer = json.loads(process.out())
        return {**answer, "servers_cpu_seconds": cpu_seconds(arena.redis.pid) + cpu_seconds(arena.database.pid)}
