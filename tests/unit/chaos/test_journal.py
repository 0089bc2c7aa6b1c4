"""What the journals tell."""

from __future__ import annotations

from pathlib import Path

from chaos.journal import Entry, OwnEnd, claims, last_phase, own_ends, read_journal, recovery_seconds


def entry(at: float, word: str, batch: str = "b", thread: str = "t") -> Entry:
    return Entry(at, thread, word, batch)


def test_a_journal_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_text("12.500 worker-1 claimed b1\n12.750 asyncio thread 3 stop:2.5 -\n")
    first, second = read_journal(path)
    assert first == Entry(12.5, "worker-1", "claimed", "b1")
    assert second == Entry(12.75, "asyncio thread 3", "stop:2.5", "-")


def test_a_process_that_never_came_so_far_has_an_empty_journal(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "nothing") == []
    assert last_phase([]) == "starting"


def test_a_kill_falls_at_the_phase_of_its_own_thread() -> None:
    journal = [
        entry(1, "inserted", thread="one"),
        entry(2, "claimed", thread="two"),
        entry(3, "kill:0.0", thread="one"),
    ]
    assert own_ends([journal]) == [OwnEnd("kill", "inserted", 3, 3)]


def test_a_stop_lasts_its_seconds() -> None:
    assert own_ends([[entry(1, "cleaned"), entry(2, "stop:4.0")]]) == [OwnEnd("stop", "cleaned", 2, 6)]


def test_claims_are_counted_over_all_processes() -> None:
    assert claims([[entry(1, "claimed", "a"), entry(2, "claimed", "b")], [entry(3, "claimed", "a")]]) == {
        "a": 2,
        "b": 1,
    }


def test_recovery_waits_for_what_was_cut_before_and_not_for_what_came_later() -> None:
    fetcher = [entry(1, "cut", "a"), entry(2, "cut", "b"), entry(9, "cut", "c")]
    worker = [entry(4, "committed", "a"), entry(7, "committed", "b"), entry(20, "committed", "c")]
    assert recovery_seconds([fetcher, worker], moment=5) == 2


def test_who_dies_right_after_the_commit_is_told_by_the_acknowledgement() -> None:
    assert recovery_seconds([[entry(1, "cut")], [entry(8, "acknowledged")]], moment=5) == 3


def test_nothing_to_recover_takes_no_time() -> None:
    assert recovery_seconds([[entry(1, "cut"), entry(2, "committed")]], moment=5) == 0
