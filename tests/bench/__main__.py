"""`make bench`: ours and its peers on the same machine, in the same run, alternating.

    PYTHONPATH=tests python -m bench [--records 1000000] [--pairs 5] [--contestants ours load_data]

A first run of ours is not measured: it makes the rows that the limit loads, and says what everybody else must arrive
at. Then each round measures every contestant once, every other round in the opposite order. Read arena.py, course.py,
ours.py and load_data.py for what is measured, results.py for how it is summed up.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.arena import Arenas, Contestant, Measured, Outcome
from bench.celery_peer import CeleryPeer
from bench.feed import feed_folder
from bench.load_data import LoadData, Prepared, prepare
from bench.ours import Ours, outcome_of
from bench.page import PAGE, tell
from bench.profiles import Profiler
from bench.report import as_text
from bench.results import LIMIT, as_json, figures_of
from bench.usage import Steal

BUILD = Path(__file__).parents[2] / "build"
ALL = ("ours", "load_data", "load_data_ignore", "celery")


@dataclass(frozen=True)
class Reference:
    """What the first run left: the rows to load, and what stands in the database when all is well."""

    prepared: Prepared
    outcome: Outcome


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    feed = feed_folder(BUILD / "bench", options.records)
    folder = Path(tempfile.mkdtemp(prefix="dcp-bench-", dir=options.folder))
    folder.chmod(0o755)
    try:
        arenas = Arenas(folder, feed, options.records, tuple(options.mariadbd))
        ours = Ours(options.processes, options.concurrency, options.batch_bytes)
        reference = make_reference(arenas, ours, folder)
        if options.profile:
            take_profiles(arenas, ours)
        steal = Steal()
        rounds = [
            measure_round(arenas, contestants(options.contestants, ours, reference), reference, number)
            for number in range(options.pairs)
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    figures, about = figures_of(rounds), _about(options, arenas, steal.share())
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(as_json(figures, about), indent=2) + "\n")
    print(f"\n{as_text(figures)}\n\n{options.output}")
    page = options.page or (PAGE if _whole(options) else None)
    if page:
        tell(page, figures, about)
        print(page)


def _whole(options: argparse.Namespace) -> bool:
    """Whether the run is worth telling everybody: a smaller one leaves the page alone unless it is named."""
    return set(options.contestants) == set(ALL) and options.pairs >= 5 and options.records >= 1_000_000


def make_reference(arenas: Arenas, ours: Ours, folder: Path) -> Reference:
    """The run before the rounds."""
    with arenas.arena() as arena:
        measured = ours.run(arena)
        outcome = outcome_of(arena.database)
        prepared = prepare(folder / "prepared", arena.database, arena.records, outcome.rejects)
    _tell("before the rounds", measured)
    return Reference(prepared, outcome)


def take_profiles(arenas: Arenas, ours: Ours) -> None:
    """One more run of ours, whose figures do not count."""
    profiler = Profiler(BUILD)
    with arenas.arena() as arena:
        _tell("profiled", replace(ours, on_started=profiler.start).run(arena))
    for table in profiler.finish():
        print(f"{table} and {table.with_suffix('.json').name}")


def contestants(names: Sequence[str], ours: Ours, reference: Reference) -> list[Contestant]:
    """Those that take part; the limit always does."""
    known: dict[str, Contestant] = {
        "ours": ours,
        "load_data": LoadData(reference.prepared),
        "load_data_ignore": LoadData(reference.prepared, duplicates=True),
        "celery": CeleryPeer(),
    }
    return [each for name, each in known.items() if name in names or name == LIMIT]


def measure_round(
    arenas: Arenas, taking_part: Sequence[Contestant], reference: Reference, number: int
) -> dict[str, Measured]:
    """Everybody once. Raises AssertionError where somebody did not do the same work."""
    measured: dict[str, Measured] = {}
    for each in taking_part if number % 2 == 0 else reversed(taking_part):
        with arenas.arena() as arena:
            measured[each.name] = each.run(arena)
        outcome = measured[each.name].outcome
        assert outcome in (None, reference.outcome), f"{each.name}: {outcome} instead of {reference.outcome}"
        _tell(f"round {number + 1}", measured[each.name])
    return {each.name: measured[each.name] for each in taking_part}


def _tell(when: str, measured: Measured) -> None:
    spent = ", ".join(f"{name} {seconds:.2f}" for name, seconds in measured.cpu.items())
    rate = measured.records / measured.seconds
    print(f"{when}: {measured.contestant}: {measured.seconds:.2f} s, {rate:,.0f} records/s; CPU-s {spent}", flush=True)


def _about(options: argparse.Namespace, arenas: Arenas, stolen: float) -> dict[str, object]:
    return {
        "database": f"MariaDB {arenas.database_version}",
        "records": options.records,
        "pairs": options.pairs,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "stolen_share": round(stolen, 3),
        "load_average_at_the_end": os.getloadavg()[0],
    }


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=5, help="rounds of all contestants")
    parser.add_argument("--contestants", nargs="+", choices=ALL, default=list(ALL))
    parser.add_argument("--processes", type=int, default=Ours.processes, help="workers of ours")
    parser.add_argument("--concurrency", type=int, default=Ours.concurrency, help="internal workers of each")
    parser.add_argument("--batch-bytes", help="fetcher.batch.maxBytes; by default the spec's default")
    parser.add_argument("--mariadbd", nargs="*", default=[], help="options for the database's server; none by default")
    parser.add_argument("--folder", type=Path, help="where the servers keep their data; the system's temporary folder")
    parser.add_argument("--output", type=Path, default=BUILD / "bench.json")
    parser.add_argument(
        "--profile", action="store_true", help="one more run under py-spy: build/profile-*.json and .txt"
    )
    parser.add_argument("--page", type=Path, help="where to put the table; docs/benchmarks.md after a whole run only")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    # What is not compiled yet is so once, by the run before the rounds. Whoever installs has it compiled.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
