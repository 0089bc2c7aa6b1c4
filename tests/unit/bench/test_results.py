"""How single measurements become the figures that are told."""

from __future__ import annotations

import json

import pytest

from bench.arena import Measured
from bench.profiles import top
from bench.results import as_json, figures_of


def run(contestant: str, seconds: float, rows: int = 900, **cpu: float) -> Measured:
    return Measured(contestant, 1000, rows, seconds, cpu, {"worker": 0.5}, {"worker": 50.0, "redis": 9.0}, None)


def test_the_ratio_is_taken_within_a_round_before_the_median() -> None:
    # The machine was slow in the second round, for both.
    rounds = [
        {"ours": run("ours", 2.0), "load_data": run("load_data", 1.0)},
        {"ours": run("ours", 20.0), "load_data": run("load_data", 10.0)},
        {"ours": run("ours", 4.0), "load_data": run("load_data", 3.0)},
    ]
    ours = figures_of(rounds)["ours"]
    assert ours.ratio_to_load_data == pytest.approx(0.5)
    assert ours.records_per_second == pytest.approx(250)


def test_servers_are_not_counted_among_the_contestants_own_processes() -> None:
    measured = run("ours", 1.0, fetcher=0.001, worker=0.002, redis=0.004, mariadb=0.008)
    ours = figures_of([{"ours": measured, "load_data": run("load_data", 1.0, mariadb=0.001)}])["ours"]
    assert ours.cpu_seconds_per_million == pytest.approx(3)
    assert ours.cpu_seconds_per_million_with_servers == pytest.approx(15)
    assert ours.peak_mb == 50


def test_the_json_has_ours_at_the_top_and_the_peers_below() -> None:
    figures = figures_of([{"ours": run("ours", 1.0, worker=1.0), "load_data": run("load_data", 1.0, mariadb=1.0)}])
    told = json.loads(json.dumps(as_json(figures, {"records": 1000})))
    assert {"ratio_to_load_data", "cpu_seconds_per_million", "records_per_second"} <= set(told)
    assert told["peers"]["load_data"]["ratio_to_load_data"] == 1


def test_a_profiles_top_counts_a_recursive_frame_once_and_only_the_named_threads() -> None:
    frames = [{"name": "run"}, {"name": "wait"}, {"name": "idle"}]
    worker = {"name": "Thread worker-1", "samples": [[0, 0, 1], [0]], "weights": [3, 1]}
    other = {"name": "Thread health", "samples": [[2]], "weights": [100]}
    lines = top({"shared": {"frames": frames}, "profiles": [worker, other]}, "worker-").splitlines()
    assert lines[1].split() == ["75.0%", "wait", "(?:0)"]
    assert "  100.0%  run (?:0)" in lines
    assert not any("idle" in line for line in lines)
