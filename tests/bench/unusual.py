"""How often `expect.unusual` is wrong, and what it finds: feeds of eight months are played day by day.

    .venv/bin/python -m tests.bench.unusual            # prints the table of docs/server.md

The example feed's own fields are drawn from again for each record (their values as they are distributed there); volumes have
a week (weekends at 30 %), a trend (from steady to doubling in half a year), and more or less noise. False alarms are counted
on days on which nothing was changed; then one thing is broken on the last day, and it is counted how often that is seen.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from dcp_pipeline.ledger.looking.unusual import Odd, Series, is_judged, odd_count, odd_share

DAYS, SERIES = 240, 40
EXAMPLE = Path(__file__).parents[2] / "examples" / "feed" / "sinkhole" / "2026-10-01-sinkhole.csv"
KINDS = {
    "steady, little noise": (4000, 1.0, 0.05),
    "steady, much noise": (4000, 1.0, 0.3),
    "grows (doubles in half a year)": (1000, 2 ** (1 / 180), 0.1),
    "shrinks (halves in half a year)": (9000, 0.5 ** (1 / 180), 0.1),
    "small (12 a day)": (12, 1.0, 0.1),
}


def volumes(rng: random.Random, base: float, growth: float, noise: float) -> list[float]:
    """Records a day: a week, a trend, noise, and the odd day: one in 60 is three times as large, one in 60 has nothing."""
    found = []
    for day in range(DAYS):
        mean = base * growth**day * (0.3 if day % 7 >= 5 else 1.0) * rng.lognormvariate(0, noise)
        records = max(0, round(rng.gauss(mean, mean**0.5)))
        if day < DAYS - 60:  # what is judged are quiet days; what they are judged by has odd ones
            records = {0: 3 * records, 1: 0}.get(rng.randrange(60), records)
        found.append(float(records))
    return found


def fields(
    rng: random.Random, of: list[float]
) -> Iterator[tuple[str, Callable[[Series], Odd | None], list[float | None]]]:
    """Null rates and numbers of distinct values of the example's fields, for days of these volumes."""
    with EXAMPLE.open(newline="", errors="replace") as file:
        rows = list(csv.DictReader(file))
    for name in rows[0]:
        values = [row[name] for row in rows]
        shares: list[float | None] = []
        distinct: list[float | None] = []
        for records in of:
            drawn = rng.choices(values, k=min(int(records), 1500))
            shares.append(sum(each in ("", "-") for each in drawn) / len(drawn) if drawn else None)
            distinct.append(float(len(set(drawn))) if drawn else None)
        yield f"{name}: nulls", odd_share, shares
        yield f"{name}: distinct", odd_count, distinct


def main() -> None:
    """Print it."""
    rng = random.Random(20261129)
    for kind, (base, growth, noise) in KINDS.items():
        judged = wrong = seen = tried = 0
        for _ in range(SERIES):
            days = volumes(rng, base, growth, noise)
            for end in range(DAYS - 60, DAYS):
                judged += is_judged(days[:end])
                wrong += odd_count(days[:end]) is not None
            for factor in (0.0, 0.3, 3.0):
                tried += 1
                seen += odd_count([*days[:-1], days[-1] * factor]) is not None
        rate = wrong / judged
        print(
            f"volume, {kind}: {wrong} false of {judged:,} days ({rate:.3%}); 0, 0.3 or 3 times as much: {seen} of {tried}"
        )
    judged = wrong = 0
    for _ in range(3):
        days = volumes(rng, 1500, 1.0, 0.2)
        for _, odd, series in fields(rng, days):
            for end in range(DAYS - 60, DAYS):
                judged += is_judged(series[:end])
                wrong += odd(series[:end]) is not None
    print(f"fields of the example feed, nulls and distinct: {wrong} false of {judged:,} ({wrong / judged:.3%})")


if __name__ == "__main__":
    main()
