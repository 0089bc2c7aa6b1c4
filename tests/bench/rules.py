"""What rules and columns cost: CPU of cleaning one batch for 1, 10 and 100 rules, and for 6 and 60 columns.

    python tests/bench/rules.py [--records 5000] [--rounds 7]

One Polars thread, as a worker has it. A rule is a transform; they are dealt out over the columns in turn. The best of
`rounds` batches counts, in CPU-seconds per million records; beside each stands what a rule, or a column, adds.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

from dcp_pipeline.batch import Batch
from dcp_worker.clean.plan import CleaningPlan
from support.batches import batch_of, cleaning_of, format_of

RULES: tuple[Any, ...] = (
    "trim",
    "lower",
    {"replace": {"pattern": "[0-9]+$", "with": ""}},
    "collapse",
    {"map": {"values": {"mirai": "Mirai", "emotet": "Emotet"}}},
    {"truncate": {"characters": 60}},
    {"replace": {"text": "-", "with": "_"}},
    {"extract": {"pattern": "^(.*)$", "otherwise": "reject"}},
    {"mask": {"keepFirst": 50}},
    "nfc",
)
"""As people mix them; one in ten may reject, one in ten reads its input twice."""
MOST_TRANSFORMS = 32


def batch(columns: int, records: int) -> Batch:
    chance = random.Random(1)
    words = ("  Mirai 12", "emotet", "Qak-Bot", "TRICKBOT", "198.51.100.7", "curl/7.88.1 (x86_64)")
    lines = (",".join(chance.choice(words) for _ in range(columns)) for _ in range(records))
    return batch_of("".join(f"{line}\n" for line in lines).encode(), ",".join(names(columns)))


def names(columns: int) -> list[str]:
    return [f"f{number}" for number in range(columns)]


def plan(columns: int, rules: int) -> CleaningPlan:
    """`rules` transforms in all, dealt out over the columns."""
    dealt = list(islice(cycle(RULES), rules))
    fields = [{"name": name, "transforms": dealt[place::columns]} for place, name in enumerate(names(columns))]
    assert max(len(field["transforms"]) for field in fields) <= MOST_TRANSFORMS
    return CleaningPlan.compile(cleaning_of(*fields), format_of())


def cost(columns: int, rules: int, records: int, rounds: int) -> float:
    """CPU-seconds per million records."""
    compiled, given = plan(columns, rules), batch(columns, records)
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        cleaned = compiled.clean(given)
        best = min(best, time.process_time() - started)
        assert cleaned.rows.height == records, cleaned.rejects[:1]
    return best / records * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    print("columns  rules  CPU-s per million records  per column  per rule")
    for columns in (6, 60):
        bare = cost(columns, 0, options.records, options.rounds)
        print(f"{columns:>7}  {0:>5}  {bare:>25.2f}  {bare / columns:>10.3f}")
        for rules in (1, 10, 100):
            seconds = cost(columns, rules, options.records, options.rounds)
            print(f"{columns:>7}  {rules:>5}  {seconds:>25.2f}  {'':>10}  {(seconds - bare) / rules:>8.3f}")


if __name__ == "__main__":
    main()
