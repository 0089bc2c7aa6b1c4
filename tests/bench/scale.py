"""`make bench-scale`: how cost grows with records, columns, rules and addresses, and what the queue adds.

    PYTHONPATH=tests python -m bench.scale [--max 20000000] [--parts records columns enrichment queue]

What a part found is put on docs/benchmarks.md, unless it was made smaller. Read ours.py, scale_cleaning.py and
memory_queue.py for what each part does.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict, dataclass

from bench.arena import Measured
from bench.chart import curve
from bench.page import PAGE, put
from bench.scale_cleaning import RULES_OF_SIX, Cost, clean_all, enrichment, wide, wide_batches
from bench.scale_pipeline import CACHE, SIZES, by_records, enriched, queue_against_memory, told
from bench.usage import Steal

BUILD = CACHE.parent
WHOLE, WHOLE_WIDE = 1_000_000, 100_000
"""Records of a part that counts; of one with many columns."""


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


@dataclass(frozen=True)
class Found:
    """What a part found: for build/scale-PART.json, for people, and whether it was measured whole."""

    figures: object
    text: str
    whole: bool = True


def main() -> None:
    options = _options()
    for part in options.parts:
        steal = Steal()
        found = PARTS[part](options)
        stolen = (
            f"({time.strftime('%Y-%m-%d')}; meanwhile the host gave {steal.share():.0%} of the CPU time to others.)"
        )
        print(f"\n{found.text}\n\n{stolen}\n", flush=True)
        BUILD.mkdir(exist_ok=True)
        (BUILD / f"scale-{part}.json").write_text(json.dumps(found.figures, indent=2) + "\n")
        if found.whole:
            put(PAGE, f"scale-{part}", f"{found.text}\n\n{stolen}")


def _records(options: argparse.Namespace) -> Found:
    measured = by_records(options.max)
    return Found([asdict(each) for each in measured], "\n".join(_records_page(measured)), options.max >= SIZES[-1])


def _columns(options: argparse.Namespace) -> Found:
    found = by_columns(options.wide_records)
    figures = [{"columns": columns, "rules": rules, **asdict(cost)} for columns, rules, cost in found]
    text = "\n".join(f"    {_columns_told(*each)}" for each in found)
    return Found(figures, text, options.wide_records >= WHOLE_WIDE)


def _enrichment(options: argparse.Namespace) -> Found:
    alone, whole = enrichment(options.addresses, CACHE), enriched(options.addresses, options.rounds)
    figures = {
        "cleaning_alone": {"without": asdict(alone[0]), "city": asdict(alone[1])},
        "end_to_end": {way: asdict(each) for way, each in whole.items()},
    }
    return Found(figures, _enrichment_told(alone, whole), options.addresses >= WHOLE)


def _queue(options: argparse.Namespace) -> Found:
    medians = queue_against_memory(options.queue_records, options.rounds)
    return Found(medians, _queue_told(medians, options.queue_records), options.queue_records >= WHOLE)


PARTS = {"records": _records, "columns": _columns, "enrichment": _enrichment, "queue": _queue}


def _records_page(measured: list[Measured]) -> list[str]:
    points = [(each.records, (each.cpu["fetcher"] + each.cpu["worker"]) / each.records * 1e6) for each in measured]
    chart = PAGE.with_name("benchmarks-scale.svg")
    if len(points) == len(SIZES):
        curve(chart, "CPU seconds per million records, fetcher and worker", points, "input records")
    return [f"![CPU by records]({chart.name})", "", *(f"    {told(each)}" for each in measured)]


def _enrichment_told(alone: tuple[Cost, Cost], whole: dict[str, Measured]) -> str:
    without, with_it = alone
    seconds = {way: each.seconds for way, each in whole.items()}
    return (
        f"{without.records:,} records with an address each that no other has, the country looked up in a city database: "
        f"end to end {seconds['city']:.1f} s against {seconds['without']:.1f} s without "
        f"({seconds['city'] / seconds['without']:.2f} times). Cleaning alone, with city, region and country: "
        f"{with_it.cpu_seconds:.1f} CPU-s against {without.cpu_seconds:.1f} "
        f"({with_it.cpu_seconds / without.cpu_seconds:.2f} times)."
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
    parser.add_argument("--wide-records", type=int, default=WHOLE_WIDE)
    parser.add_argument("--addresses", type=int, default=WHOLE)
    parser.add_argument("--queue-records", type=int, default=WHOLE)
    parser.add_argument("--rounds", type=int, default=3, help="of what is compared end to end")
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
