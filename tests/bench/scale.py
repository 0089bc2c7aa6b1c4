"""`make bench-scale`: how cost grows with records, columns, rules and addresses, and what the queue adds.

    PYTHONPATH=tests python -m bench.scale [--max 20000000] [--parts records columns enrichment queue]

Read ours.py, scale_cleaning.py and memory_queue.py for what each part does.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median

from bench import memory_queue
from bench.arena import Arenas, Measured
from bench.chart import curve
from bench.feed import feed_folder
from bench.ours import Ours
from bench.page import PAGE, put
from bench.scale_cleaning import RULES_OF_SIX, Cost, clean_all, enrichment, wide, wide_batches
from bench.usage import cpu_seconds
from support.dcp_process import DcpProcess, write_spec

BUILD = Path(__file__).parents[2] / "build"
SIZES = (10_000, 100_000, 1_000_000, 5_000_000, 20_000_000)
PARTS = ("records", "columns", "enrichment", "queue")
# So that the server's cache, which is no cost of ours, does not set the curve's shape.
LARGE_CACHE = ("--innodb-buffer-pool-size=4G", "--innodb-log-file-size=1G")


@contextmanager
def folders(records: int) -> Iterator[tuple[Path, Path]]:
    """A folder for servers, and the feed; large feeds are not kept."""
    with tempfile.TemporaryDirectory(prefix="dcp-bench-") as name:
        folder = Path(name)
        feed = feed_folder(BUILD / "bench" if records <= SIZES[2] else folder / "feeds", records)
        yield folder, feed


def by_records(most: int) -> list[Measured]:
    """Ours end to end, by size."""
    measured = []
    for records in [size for size in SIZES if size <= most]:
        with folders(records) as (folder, feed), Arenas(folder, feed, records, LARGE_CACHE).arena() as arena:
            measured.append(Ours().run(arena))
        print(_told(measured[-1]), flush=True)
    return measured


def _told(each: Measured) -> str:
    own = (each.cpu["fetcher"] + each.cpu["worker"]) / each.records * 1e6
    peaks = f"fetcher {each.peak_mb['fetcher']:.0f} MB, worker {each.peak_mb['worker']:.0f} MB"
    return f"{each.records:>12,} records: {each.records / each.seconds:>9,.0f}/s, {own:.2f} CPU-s/M, peak {peaks}"


def by_columns(records: int) -> list[tuple[int, int, Cost]]:
    """(columns, rules, cost)."""
    found = []
    for columns in (6, 12, 30, 60):
        cost = clean_all(wide(columns), wide_batches(columns, records))
        found.append((columns, columns // 6 * RULES_OF_SIX, cost))
        print(_columns_told(*found[-1]), flush=True)
    return found


def _columns_told(columns: int, rules: int, cost: Cost) -> str:
    microseconds = cost.cpu_seconds / cost.records * 1e6
    return f"{columns:>4} columns, {rules:>4} rules: {microseconds:.2f} µs/record, {microseconds / columns:.3f} µs/cell"


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


def main() -> None:
    options = _options()
    told: dict[str, object] = {}
    page: list[str] = []
    if "records" in options.parts:
        measured = by_records(options.max)
        told["records"] = [asdict(each) for each in measured]
        page += _records_page(measured)
    if "columns" in options.parts:
        found = by_columns(options.wide_records)
        told["columns"] = [{"columns": columns, "rules": rules, **asdict(cost)} for columns, rules, cost in found]
        page += ["", *(f"    {_columns_told(*each)}" for each in found)]
    if "enrichment" in options.parts:
        without, with_it = enrichment(options.addresses, BUILD / "bench")
        told["enrichment"] = {"without": asdict(without), "with": asdict(with_it)}
        page += ["", _enrichment_told(without, with_it)]
        print(page[-1])
    if "queue" in options.parts:
        medians = queue_against_memory(options.queue_records, options.rounds)
        told["queue"] = medians
        page += ["", _queue_told(medians, options.queue_records)]
        print(page[-1])
    (BUILD / "scale.json").write_text(json.dumps(told, indent=2) + "\n")
    if set(options.parts) == set(PARTS) and options.max == SIZES[-1]:
        put(PAGE, "scale", "\n".join(page))


def _records_page(measured: list[Measured]) -> list[str]:
    points = [(each.records, (each.cpu["fetcher"] + each.cpu["worker"]) / each.records * 1e6) for each in measured]
    chart = PAGE.with_name("benchmarks-scale.svg")
    if len(points) == len(SIZES):
        chart.write_text(curve("CPU seconds per million records, fetcher and worker", points, "input records"))
    return [f"![CPU by records]({chart.name})", "", *(f"    {_told(each)}" for each in measured)]


def _enrichment_told(without: Cost, with_it: Cost) -> str:
    ratio = with_it.cpu_seconds / without.cpu_seconds
    return (
        f"Cleaning {without.records:,} records with an address each that no other has: {without.cpu_seconds:.2f} CPU-s, "
        f"with city, region and country {with_it.cpu_seconds:.2f} CPU-s: {ratio:.2f} times."
    )


def _queue_told(medians: dict[str, dict[str, float]], records: int) -> str:
    redis, memory = medians["redis"], medians["memory"]
    return (
        f"One process with fetcher and workers, {records:,} records: {redis['seconds']:.2f} s through Redis, "
        f"{memory['seconds']:.2f} s handed over in memory: {redis['seconds'] / memory['seconds'] - 1:+.1%}; CPU of the "
        f"process {redis['cpu_seconds']:.2f} against {memory['cpu_seconds']:.2f} s, of the servers "
        f"{redis['servers_cpu_seconds']:.2f} against {memory['servers_cpu_seconds']:.2f} s."
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench.scale", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--max", type=int, default=SIZES[-1], help=f"the largest of {SIZES}")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--wide-records", type=int, default=100_000)
    parser.add_argument("--addresses", type=int, default=1_000_000)
    parser.add_argument("--queue-records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="of the comparison with handing over in memory")
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
