"""From single measurements to the figures that are told: medians, and ratios within a round. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench.arena import Measured

LIMIT = "load_data"
SERVERS = ("redis", "mariadb")


@dataclass(frozen=True)
class Figures:
    """Of one contestant, the medians over its rounds. CPU in seconds per million input records."""

    contestant: str
    records_per_second: float
    rows_per_second: float
    ratio_to_load_data: float
    """Rows/s against rows/s of the limit in the same round."""
    cpu_seconds_per_million: float
    """Of the contestant's own processes, from the first fetch to the last commit."""
    cpu_seconds_per_million_with_servers: float
    start_cpu_seconds: float
    """Of its own processes before the first fetch, once, however many records follow."""
    cpu_seconds_per_million_by_process: Mapping[str, float]
    peak_mb_by_process: Mapping[str, float]
    seconds: tuple[float, ...]
    """Of each round."""

    @property
    def peak_mb(self) -> float:
        """Of its own processes together."""
        return sum(peak for name, peak in self.peak_mb_by_process.items() if name not in SERVERS)


def figures_of(rounds: Sequence[Mapping[str, Measured]]) -> dict[str, Figures]:
    """By contestant; each round has measured the limit and whoever else takes part."""
    return {name: _figures([each[name] for each in rounds], [each[LIMIT] for each in rounds]) for name in rounds[0]}


def _figures(measured: Sequence[Measured], limits: Sequence[Measured]) -> Figures:
    processes = measured[0].cpu
    return Figures(
        contestant=measured[0].contestant,
        records_per_second=median(each.records / each.seconds for each in measured),
        rows_per_second=median(_rate(each) for each in measured),
        ratio_to_load_data=median(_rate(each) / _rate(limit) for each, limit in zip(measured, limits, strict=True)),
        cpu_seconds_per_million=median(_own_cpu(each) for each in measured),
        cpu_seconds_per_million_with_servers=median(_per_million(each, sum(each.cpu.values())) for each in measured),
        start_cpu_seconds=median(sum(each.start_cpu.values()) for each in measured),
        cpu_seconds_per_million_by_process={
            name: median(_per_million(each, each.cpu[name]) for each in measured) for name in processes
        },
        peak_mb_by_process={name: max(each.peak_mb[name] for each in measured) for name in measured[0].peak_mb},
        seconds=tuple(round(each.seconds, 3) for each in measured),
    )


def _rate(measured: Measured) -> float:
    return measured.rows / measured.seconds


def _own_cpu(measured: Measured) -> float:
    return _per_million(measured, sum(spent for name, spent in measured.cpu.items() if name not in SERVERS))


def _per_million(measured: Measured, spent: float) -> float:
    return spent / measured.records * 1e6


def as_json(figures: Mapping[str, Figures], about: Mapping[str, Any]) -> dict[str, Any]:
    """Ours at the top, its peers below it, and what the machine was."""
    told = {name: {key: _rounded(value) for key, value in asdict(each).items()} for name, each in figures.items()}
    for name, each in figures.items():
        told[name]["peak_mb"] = _rounded(each.peak_mb)
    ours = told.pop("ours", {})
    return {**ours, "peers": told, "about": dict(about)}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return round(value, 3) if isinstance(value, float) else value
