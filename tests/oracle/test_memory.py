"""The laptop's process stays small, however large the file. tests/bench/memory.py measures larger ones by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.memory import measure

OLDER_SYSTEM_MEGABYTES = 180
SLACK_MEGABYTES = 12


@pytest.mark.timeout(900)
def test_memory_stays_under_the_older_systems_and_does_not_grow_with_the_file(tmp_path: Path) -> None:
    for name in ("small", "large"):
        (tmp_path / name).mkdir()
    small, large = measure(tmp_path / "small", 15), measure(tmp_path / "large", 90)
    print(f"peak {small.peak_megabytes:.0f} MB on 15 MB, {large.peak_megabytes:.0f} MB on 90 MB")
    assert large.peak_megabytes < OLDER_SYSTEM_MEGABYTES
    assert large.peak_megabytes < small.peak_megabytes + SLACK_MEGABYTES
