"""An object that ends its readers is given up, its neighbours are not; and one that drips is left to the next look."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dcp_fetcher.ground.attempts import FORGOTTEN_AFTER_SECONDS, Attempts
from dcp_fetcher.ground.errors import DamagedError, UnreachableError
from dcp_fetcher.sites.http.drip import Drip
from support.waiting import wait_until


class Killed(BaseException):
    pass


def marker(folder: Path, name: str = "o1") -> Path:
    return folder / f"reading-{name}"


def dies(attempts: Attempts, cuts: int, folder: Path, *names: str) -> None:
    """What a SIGKILL leaves in the middle of reading these side by side: their files."""
    kept: dict[Path, str] = {}

    def read(left: tuple[str, ...]) -> None:
        if not left:
            kept.update({marker(folder, name): marker(folder, name).read_text() for name in names})
            raise Killed
        with attempts.reading(left[0], lambda: cuts):
            read(left[1:])

    with pytest.raises(Killed):
        read(names)
    for path, text in kept.items():
        path.write_text(text)


def reads(attempts: Attempts, cuts: int = 0, name: str = "o1") -> None:
    with attempts.reading(name, lambda: cuts):
        pass


@pytest.mark.parametrize("allowed", [1, 3])
def test_who_dies_again_under_suspicion_as_often_as_allowed_is_damaged(tmp_path: Path, allowed: int) -> None:
    attempts = Attempts(tmp_path, allowed)
    for _ in range(allowed + 1):
        dies(attempts, 7, tmp_path, "o1")
    with pytest.raises(DamagedError, match=f"died, {allowed} times"), attempts.reading("o1", lambda: 7):
        pytest.fail("it is read again")
    reads(attempts, 7)
    assert list(tmp_path.iterdir()) == []


def test_who_is_read_whole_under_suspicion_is_free_of_it(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path, 1)
    for _ in range(5):
        dies(attempts, 0, tmp_path, "o1")
        reads(attempts)


def test_what_was_recorded_since_begins_the_count_anew(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path, 2)
    for cuts in range(10):
        dies(attempts, cuts, tmp_path, "o1")


def test_what_lay_beside_the_one_that_kills_is_not_counted(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path, 3)
    dies(attempts, 0, tmp_path, "good", "bad")
    for _ in range(3):
        reads(attempts, 0, "good")
        dies(attempts, 0, tmp_path, "bad")
    with pytest.raises(DamagedError):
        reads(attempts, 0, "bad")
    reads(attempts, 0, "good")


def test_suspects_are_read_one_at_a_time(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path, 3)
    dies(attempts, 0, tmp_path, "a", "b", "c")
    inside, most, done = [0], [0], threading.Event()

    def read(name: str) -> None:
        with attempts.reading(name, lambda: 0):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            done.wait(0.05)
            inside[0] -= 1

    threads = [threading.Thread(target=read, args=(name,)) for name in "abc"]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert most == [1]
    assert list(tmp_path.iterdir()) == []


def test_who_waits_for_a_suspect_hears_that_it_is_to_stop(tmp_path: Path) -> None:
    asked = threading.Event()

    def check() -> None:
        if asked.is_set():
            raise Killed

    attempts = Attempts(tmp_path, 3, check)
    dies(attempts, 0, tmp_path, "a", "b")
    ended = threading.Event()

    def wait() -> None:
        with pytest.raises(Killed):
            reads(attempts, 0, "b")
        ended.set()

    with attempts.reading("a", lambda: 0):
        thread = threading.Thread(target=wait)
        thread.start()
        asked.set()
        wait_until(ended.is_set, "it has ended", 60)
    thread.join(60)


def test_deaths_that_lie_a_day_apart_do_not_add_up(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path, 1)
    for _ in range(4):
        dies(attempts, 0, tmp_path, "o1")
        long_ago = time.time() - FORGOTTEN_AFTER_SECONDS - 1
        os.utime(marker(tmp_path), (long_ago, long_ago))
    reads(attempts)


@pytest.mark.parametrize("left", [b"\xff\0", b"", b"1", b"a b"])
def test_a_garbled_count_is_none(tmp_path: Path, left: bytes) -> None:
    marker(tmp_path).write_bytes(left)
    reads(Attempts(tmp_path, 1))
    assert not marker(tmp_path).exists()


def test_an_error_is_no_death(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path, 1)
    for _ in range(5):
        with pytest.raises(ValueError, match="x"), attempts.reading("o1", lambda: 0):
            raise ValueError("x")
    reads(attempts)


def test_without_a_death_nobody_asks_the_ledger(tmp_path: Path) -> None:
    asks: Callable[[], int] = lambda: pytest.fail("a query for each object that is read")  # noqa: E731
    with Attempts(tmp_path, 1).reading("o1", asks):
        assert marker(tmp_path).exists()


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
