"""An object that ends its readers is given up, and one that drips is left to the next look."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcp_fetcher.ground.attempts import Attempts
from dcp_fetcher.ground.errors import DamagedError, UnreachableError
from dcp_fetcher.sites.http.drip import Drip


class Killed(BaseException):
    pass


def dies(attempts: Attempts, cuts: int, folder: Path) -> None:
    """What a SIGKILL in the middle leaves: the file."""
    left = ""
    try:
        with attempts.reading("o1", cuts):
            left = (folder / "reading-o1").read_text()
            raise Killed
    except Killed:
        pass
    (folder / "reading-o1").write_text(left)


def test_an_object_that_ended_its_readers_as_often_as_allowed_is_damaged(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path, 3)
    for _ in range(3):
        dies(attempts, 7, tmp_path)
    with pytest.raises(DamagedError, match="died 3 times"), attempts.reading("o1", 7):
        pytest.fail("it is read again")
    with attempts.reading("o1", 7):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_was_recorded_since_begins_the_count_anew(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path, 2)
    for cuts in range(10):
        dies(attempts, cuts, tmp_path)


def test_an_error_is_no_death_and_a_garbled_count_none(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path, 1)
    for _ in range(5):
        with pytest.raises(ValueError, match="x"), attempts.reading("o1", 0):
            raise ValueError("x")
    (tmp_path / "reading-o1").write_bytes(b"\xff\0")
    with attempts.reading("o1", 0):
        pass


def test_a_drip_is_given_up_and_a_slow_server_is_not() -> None:
    dripping = Drip()
    for _ in range(11):
        dripping.came(20.0, 1)
    with pytest.raises(UnreachableError, match="it drips"):
        dripping.came(20.0, 1)
    slow = Drip()
    for _ in range(1000):
        slow.came(25.0, 4_000)  # it thinks long, and then gives
    for _ in range(100_000):
        slow.came(0.0, 1)  # it was there before we asked
