"""Loads: when batches arrive. Ready-made ones, CSV files, and what Prometheus recorded.

A row (time, arrivals) means that so many batches arrive evenly from its time until the next row's; those of the last
row, and of one whose successor is at the same time, arrive at once.
"""

from __future__ import annotations

import csv
import json
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from dcp_cli.errors import CommandFailed

TAIL_SECONDS = 420.0
"""How long a load is watched after its last row: long enough for KEDA's default cooldown and the HPA's window."""
_SEED = 7


@dataclass(frozen=True)
class Trace:
    """When each batch arrives, in seconds from the start, ascending; and until when it is watched."""

    name: str
    arrivals: tuple[float, ...]
    end: float


def load_trace(name: str) -> Trace:
    """A ready-made load by its name, or one from a file: CSV, or the JSON of Prometheus' query_range.

    Raises CommandFailed, naming the file and line.
    """
    if name in READY_MADE:
        return READY_MADE[name]()
    path = Path(name)
    if not path.exists():
        raise CommandFailed(f"{name}: no such file; ready-made loads: {', '.join(READY_MADE)}")
    rows = recorded(path) if path.suffix == ".json" else list(_csv_rows(path))
    if not rows:
        raise CommandFailed(f"{name}: holds no rows; `time,arrivals` in seconds and batches is wanted")
    return of_rows(path.stem, rows)


def of_rows(name: str, rows: Sequence[tuple[float, float]]) -> Trace:
    """The load of (time, arrivals) rows in the order of time; it begins at the first row's time."""
    start, arrivals = rows[0][0], []
    for index, (at, count) in enumerate(rows):
        until = rows[index + 1][0] if index + 1 < len(rows) else at
        whole = round(count)
        arrivals += [at - start + (until - at) * n / whole for n in range(whole)]
    return Trace(name, tuple(arrivals), rows[-1][0] - start + TAIL_SECONDS)


def _csv_rows(path: Path) -> Iterable[tuple[float, float]]:
    last = -math.inf
    with path.open(newline="", encoding="utf-8-sig") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            if not row or (number == 1 and not _is_number(row[0])):
                continue
            try:
                at, count = float(row[0]), float(row[1])
            except (ValueError, IndexError):
                raise CommandFailed(f"{path}, line {number}: {','.join(row)!r}; two numbers are wanted") from None
            if at < last or count < 0 or not math.isfinite(at + count):
                raise CommandFailed(f"{path}, line {number}: times must not go back, arrivals not be negative")
            last = at
            yield at, count


def recorded(path: Path) -> list[tuple[float, float]]:
    """The rows of a counter that Prometheus' query_range returned: what was added between two of its points.

    A counter that starts anew (its pod was replaced) has added what it shows. Several series are summed up.
    """
    try:
        series = json.loads(path.read_text())["data"]["result"]
        points = [[(float(at), float(value)) for at, value in each["values"]] for each in series]
    except (ValueError, KeyError, TypeError) as error:
        raise CommandFailed(f"{path}: is no answer of Prometheus' query_range ({error!r})") from error
    added: dict[float, float] = {}
    for each in points:
        for (at, before), (_, after) in pairwise(each):
            added[at] = added.get(at, 0.0) + (after - before if after >= before else after)
        if each:
            added.setdefault(each[-1][0], 0.0)
    return sorted(added.items())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _burst() -> Trace:
    """200 batches at once: the burst on which KEDA was measured."""
    return of_rows("burst", [(0, 0), (60, 200), (60, 0), (300, 0)])


def _spike_train() -> Trace:
    """Six bursts of 30 to 200 batches, four minutes apart."""
    rows: list[tuple[float, float]] = [(0, 0)]
    for index, size in enumerate((200, 60, 120, 30, 200, 90)):
        at = 60 + 240.0 * index
        rows += [(at, size), (at, 0)]
    return of_rows("spike-train", [*rows, (1500, 0)])


def _on_off() -> Trace:
    """Four times four minutes of six batches per second and four minutes of nothing."""
    return _flow("on-off", 1980, lambda at: 6.0 if at >= 60 and (at - 60) % 480 < 240 else 0.0)


def _ramp() -> Trace:
    """From nothing to eight batches per second in twenty minutes, and back."""
    return _flow("ramp", 2460, lambda at: max(0.0, 8.0 * (1 - abs(at - 1230) / 1200)))


def _daily() -> Trace:
    """A day at twelve times its speed: next to nothing at night, seven batches per second at its two heights."""

    def rate(at: float) -> float:
        hour = at / 300
        heights = math.exp(-((hour - 10.5) ** 2) / 5) + 0.8 * math.exp(-((hour - 16.5) ** 2) / 6)
        return 0.05 + 7.0 * heights

    return _flow("daily", 7200, rate)


def _flow(name: str, seconds: float, rate: Callable[[float], float]) -> Trace:
    """Arrivals that are independent of each other (Poisson), at `rate(time)` per second; always the same ones."""
    chance, at, arrivals = random.Random(_SEED), 0.0, []  # noqa: S311 - a load, not a secret
    highest = 10.0
    while (at := at + chance.expovariate(highest)) < seconds:
        if chance.random() < rate(at) / highest:
            arrivals.append(at)
    return Trace(name, tuple(arrivals), seconds + TAIL_SECONDS)


READY_MADE: Mapping[str, Callable[[], Trace]] = {
    "burst": _burst,
    "daily": _daily,
    "ramp": _ramp,
    "spike-train": _spike_train,
    "on-off": _on_off,
}
