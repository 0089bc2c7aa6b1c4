"""Many small objects are recorded in one transaction: as whole as one by one, however often, and by whoever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from msgspec.structs import replace

from dcp_pipeline.batch import stable_id
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.model import Cut, ObjectState, SourceObject
from support.databases import PIPELINE, Database

Wanted = tuple[SourceObject, tuple[Cut, ...]]


def whole(number: int, cuts: int = 2) -> Wanted:
    name = f"{number:03}.csv"
    found = SourceObject(
        stable_id(name), PIPELINE, "feed", name, "v", "revision", ObjectState.CUT, header=("a", "ü"), header_end=4
    )
    made = [
        Cut(stable_id(name, str(n)), n, 4 + 6 * n, 10 + 6 * n, 3, 1 + 3 * n, 2 + 3 * n, stable_id("d"))
        for n in range(cuts)
    ]
    return found, tuple(made)


def ids(wanted: list[Wanted]) -> frozenset[str]:
    return frozenset(found.id for found, _ in wanted)


def test_what_stands_so_already_counts_as_recorded_and_what_stands_otherwise_does_not(ledger: Ledger) -> None:
    first = [whole(number, number % 3) for number in range(5)]
    assert ledger.record_whole(first) == ids(first)
    ledger.mark_dead(first[2][1][0].batch_id, "no", 3)
    again = [*first, whole(5)]
    assert ledger.record_whole(again) == ids(again), "the answer to its commit was lost"
    other_header = (replace(first[0][0], header=("b",)), first[0][1])
    other_cuts = (first[1][0], whole(1, 2)[1])
    other_revision = (replace(first[2][0], revision="another"), first[2][1])
    ledger.update_object(first[3][0].id, state=ObjectState.CUTTING)
    otherwise = [other_header, other_cuts, other_revision, first[3]]
    assert ledger.record_whole([*otherwise, first[4]]) == ids([first[4]])
    assert [len(ledger.cuts(found.id)) for found, _ in again] == [0, 1, 2, 0, 1, 2]
    assert ledger.totals().count == 6


def test_two_who_record_the_same_at_once_record_it_once(database: Database) -> None:
    ledger = Ledger(database.engine, PIPELINE)
    ledger.prepare()
    wanted = [whole(number) for number in range(64)]

    def record(turn: int) -> list[frozenset[str]]:
        mine, order = Ledger(database.engine, PIPELINE), wanted if turn % 2 else wanted[::-1]
        return [mine.record_whole(order[start : start + 20]) for start in range(0, 64, 16)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(record, range(4)))
    assert [frozenset().union(*each) for each in found] == [ids(wanted)] * 4
    assert ledger.totals().count == 64
    assert {len(ledger.cuts(each.id)) for each, _ in wanted} == {2}
