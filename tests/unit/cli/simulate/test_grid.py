"""What `make simulate` holds ours to, on standings made by hand; and the whole of it on one load."""

from __future__ import annotations

import pytest

from dcp_cli.simulate.grid import Standing, Verdict, points
from dcp_cli.simulate.keda import KedaSettings
from dcp_cli.simulate.report import grid_csv, verdict_markdown


def verdict(trace: str, ours: tuple[float, float], *grid: tuple[float, float]) -> Verdict:
    standings = tuple(Standing(trace, KedaSettings(n + 1), *each) for n, each in enumerate(grid))
    return Verdict(trace, Standing(trace, None, *ours), standings)


@pytest.mark.parametrize(
    ("trace", "ours", "other", "words"),
    [
        ("ramp", (10, 100), (9, 99), "is better than ours"),
        ("ramp", (10, 100), (10, 99), "is better than ours"),
        ("ramp", (0, 100), (0, 99), "is better than ours"),
        ("ramp", (10, 100), (10, 100), None),
        ("ramp", (10, 100), (9, 101), None),
        ("burst", (10, 100), (9, 101), "level on time, and near on pod-seconds"),
        ("burst", (10, 100), (11, 100), "level on pod-seconds, and near on time"),
        ("burst", (10, 100), (9, 143), None),
        ("burst", (10, 100), (14.3, 99), None),
        ("burst", (0, 100), (1, 99), None),
        ("burst", (10, 100), (11, 101), None),
    ],
)
def test_a_point_is_a_problem_when_it_is_better_or_comes_near(
    trace: str, ours: tuple[float, float], other: tuple[float, float], words: str | None
) -> None:
    problems = " ".join(verdict(trace, ours, other, (1000, 10_000)).problems)
    assert words in problems if words else not problems


def test_the_grid_has_kedas_defaults_and_no_point_twice() -> None:
    assert KedaSettings() in points()
    assert len(set(points())) == len(points()) > 250


def test_the_table_names_who_is_level_with_ours() -> None:
    text = verdict_markdown([verdict("burst", (10, 100), (9, 200), (50, 90))])
    row = text.splitlines()[-1]
    assert row.startswith("| burst | 10 s, 100 | 9 s, 200 (listLength 1,")
    assert "| 0.50 |" in row
    assert "| 0.20 |" in row
    assert grid_csv([verdict("burst", (10, 100), (9, 200))]).splitlines()[1:] == [
        'burst,"ours",10.0,100',
        'burst,"listLength 1, polls 30 s, cooldown 300 s, window 0 s",9.0,200',
    ]
