"""A ledger that has forgotten its last commits says so to whoever remembers them, on SQLite and MariaDB."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from dcp_pipeline.database.errors import LedgerWentBack
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.model import Cut, ObjectState, SourceObject, TaskState
from support.databases import PIPELINE, Database

OPENED = SourceObject("a" * 32, PIPELINE, "s", "u", "v", "r", header=("a", "b"), header_end=10, header_lines=1)


def cut(number: int) -> Cut:
    start = OPENED.header_end + number * 10
    return Cut(f"{number:032x}", number, start, start + 10, 5, 1 + number * 5, 2 + number * 5, "d" * 32)


def run(ledger: Ledger, statement: str) -> None:
    with ledger.engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    "forgotten",
    [
        "DELETE FROM dcp_batches WHERE sequence >= 2",
        "DELETE FROM dcp_batches",
        "DELETE FROM dcp_objects",
        "UPDATE dcp_objects SET header = NULL, header_lines = 0",
    ],
)
def test_a_cut_is_refused_where_what_it_stands_behind_is_gone(ledger: Ledger, forgotten: str) -> None:
    ledger.open_object(OPENED)
    ledger.record_cuts(OPENED.id, [cut(0), cut(1)], OPENED)
    ledger.record_cuts(OPENED.id, [cut(2)], OPENED)
    run(ledger, forgotten)
    left = ledger.cuts(OPENED.id)
    with pytest.raises(LedgerWentBack):
        ledger.record_cuts(OPENED.id, [cut(3), cut(4)], OPENED)
    assert ledger.cuts(OPENED.id) == left


@pytest.mark.parametrize(
    "wrong",
    [
        [cut(1)],
        [replace(cut(0), start=9)],
        [replace(cut(0), first_record=2)],
        [cut(0), cut(2)],
        [cut(0), replace(cut(1), start=21)],
        [cut(0), replace(cut(1), first_record=7)],
    ],
)
def test_no_cut_is_recorded_behind_a_gap(ledger: Ledger, wrong: list[Cut]) -> None:
    ledger.open_object(OPENED)
    with pytest.raises(LedgerWentBack):
        ledger.record_cuts(OPENED.id, wrong, OPENED)
    assert ledger.cuts(OPENED.id) == []


@pytest.mark.parametrize("state", [ObjectState.CUT, ObjectState.UNAVAILABLE])
def test_an_object_is_closed_only_with_all_the_cuts_that_were_recorded(ledger: Ledger, state: ObjectState) -> None:
    ledger.open_object(OPENED)
    ledger.record_cuts(OPENED.id, [cut(0), cut(1)], OPENED)
    run(ledger, "DELETE FROM dcp_batches WHERE sequence = 1")
    with pytest.raises(LedgerWentBack):
        ledger.update_object(OPENED.id, state=state, having_cuts=2)
    assert [each.state for each in ledger.objects("s")] == [ObjectState.CUTTING]
    ledger.update_object(OPENED.id, state=state, having_cuts=1)
    assert [each.state for each in ledger.objects("s")] == [state]


def test_an_object_that_was_read_to_its_end_is_being_cut_again_with_its_next_cut(ledger: Ledger) -> None:
    ledger.open_object(OPENED)
    ledger.update_object(OPENED.id, state=ObjectState.CUT, having_cuts=0)
    ledger.record_cuts(OPENED.id, [cut(0)], replace(OPENED, state=ObjectState.CUT))
    assert [each.state for each in ledger.objects("s")] == [ObjectState.CUTTING]


def test_the_ledger_tells_once_that_a_closed_object_was_forgotten(ledger: Ledger) -> None:
    assert not ledger.went_back()
    ledger.open_object(OPENED)
    ledger.update_object(OPENED.id, state=ObjectState.CUT)
    with ledger.engine.connect() as connection:
        value = connection.execute(text("SELECT value FROM dcp_meta WHERE name LIKE 'epoch/%'")).scalar_one()
    ledger.update_object(OPENED.id, state=ObjectState.CUT)
    assert not ledger.went_back()
    run(ledger, f"UPDATE dcp_meta SET value = '{value}' WHERE name LIKE 'epoch/%'")
    assert ledger.went_back()
    assert not ledger.went_back()
    ledger.update_object(OPENED.id, state=ObjectState.CUT)
    run(ledger, "DELETE FROM dcp_meta WHERE name LIKE 'epoch/%'")
    ledger.update_object(OPENED.id, state=ObjectState.CUT)
    assert ledger.went_back()
    assert not ledger.went_back()


def test_another_process_that_closes_objects_is_told_as_well(database: Database, ledger: Ledger) -> None:
    ledger.open_object(OPENED)
    ledger.update_object(OPENED.id, state=ObjectState.CUT)
    other = Ledger(database.engine, PIPELINE)
    assert not other.went_back()
    other.update_object(OPENED.id, state=ObjectState.CUT)
    assert ledger.went_back()
    assert not other.went_back()


def test_books_with_a_gap_do_not_balance(ledger: Ledger) -> None:
    ledger.open_object(OPENED)
    ledger.record_cuts(OPENED.id, [cut(n) for n in range(4)], OPENED)
    run(ledger, "UPDATE dcp_batches SET state = 'done', written = 5, duplicates = 0, rejected = 0, filtered = 0")
    assert ledger.books().balanced
    run(ledger, "DELETE FROM dcp_batches WHERE sequence = 2")
    books = ledger.books()
    assert (books.balanced, books.consistent, [each.whole for each in books.objects]) == (False, False, [False])


def test_a_task_that_is_gone_is_told_and_known_ones_are_found(ledger: Ledger) -> None:
    ledger.register_task("mine", b"{}", "http://feed/a")
    assert ledger.known_tasks(["mine", "other"]) == {"mine"}
    with pytest.raises(LedgerWentBack):
        ledger.update_task("other", state=TaskState.DONE)


def test_what_a_person_says_of_an_object_is_nothing_that_the_fetcher_misses(ledger: Ledger) -> None:
    ledger.open_object(OPENED)
    ledger.update_object(OPENED.id, state=ObjectState.UNAVAILABLE, reason="truncated")
    command = Ledger(ledger.engine, PIPELINE)
    command.decide_object(OPENED.id, ObjectState.HISTORY, "forgotten")
    found = ledger.object(OPENED.id)
    assert found is not None
    assert (found.state, found.reason) == (ObjectState.HISTORY, "forgotten")
    assert not ledger.went_back()
    run(ledger, "DELETE FROM dcp_objects")
    with pytest.raises(LedgerWentBack):
        command.decide_object(OPENED.id, ObjectState.HISTORY, "forgotten")
