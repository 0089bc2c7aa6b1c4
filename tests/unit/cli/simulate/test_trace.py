"""Loads from files, and the ready-made ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dcp_cli.errors import CommandFailed
from dcp_cli.simulate.trace import READY_MADE, load_trace


def written(tmp_path: Path, text: str, name: str = "load.csv") -> str:
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


def test_the_arrivals_of_a_row_come_evenly_until_the_next_one(tmp_path: Path) -> None:
    trace = load_trace(written(tmp_path, "time,arrivals\n100,4\n102,0\n110,2\n"))
    assert trace.arrivals == (0.0, 0.5, 1.0, 1.5, 10.0, 10.0)
    assert trace.end > 300


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no rows"),
        ("0,1\n5\n", "line 2: '5'; two numbers are wanted"),
        ("0,1\n5,many\n", "line 2: '5,many'; two numbers are wanted"),
        ("5,1\n0,1\n", "line 2: times must not go back"),
        ("0,-1\n", "line 1: times must not go back, arrivals not be negative"),
    ],
)
def test_a_file_that_is_no_load_is_refused_by_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(CommandFailed, match=words):
        load_trace(written(tmp_path, text))


def test_a_name_that_is_neither_file_nor_ready_made_tells_what_there_is() -> None:
    with pytest.raises(CommandFailed, match="no such file; ready-made loads: burst, daily"):
        load_trace("brust")


def test_a_counter_recorded_by_prometheus_becomes_arrivals_across_its_restarts(tmp_path: Path) -> None:
    one = {"metric": {"pod": "a"}, "values": [[1000, "10"], [1015, "40"], [1030, "5"]]}
    other = {"metric": {"pod": "b"}, "values": [[1015, "0"], [1030, "6"]]}
    answer = {"status": "success", "data": {"resultType": "matrix", "result": [one, other]}}
    trace = load_trace(written(tmp_path, json.dumps(answer), "monday.json"))
    assert len(trace.arrivals) == 30 + 5 + 6
    assert sum(at < 15 for at in trace.arrivals) == 30


def test_what_is_no_answer_of_prometheus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="no answer of Prometheus"):
        load_trace(written(tmp_path, "[]", "monday.json"))


@pytest.mark.parametrize("name", READY_MADE)
def test_a_ready_made_load_is_the_same_each_time_and_in_order(name: str) -> None:
    trace = load_trace(name)
    assert trace == load_trace(name)
    assert list(trace.arrivals) == sorted(trace.arrivals)
    assert trace.arrivals[0] >= 0
    assert trace.arrivals[-1] < trace.end
