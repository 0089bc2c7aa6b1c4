"""Totals of what is settled: the same as the sums over all objects, whatever changes, and wherever it is killed."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event

from dcp_pipeline.batch import stable_id
from dcp_pipeline.database.transactions import Patience
from dcp_pipeline.ledger import Ledger, counted
from dcp_pipeline.ledger.looking.arrivals import Arrivals, arrivals, much_rejected
from dcp_pipeline.ledger.model import Cut, ObjectState, RejectFilter, SourceObject
from dcp_pipeline.spec.model import Cleaning, Constraints, Field, Format
from dcp_pipeline.verify import FindingKind, verify
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.sink import ReplayPlan, SinkWriter, replay
from support.databases import Database
from support.overviews import overview_of
from support.sink_cases import PIPELINE, Source

OTHER = "feeds/other"
REMARK = "labels that are not there, so that their fields are empty: b"


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two objects stay uncounted, and five are counted at once."""
    monkeypatch.setattr(counted, "NOT_COUNTED", 2)
    monkeypatch.setattr(counted, "_AT_ONCE", 5)


def add(database: Database, pipeline: str, number: int, *, source: str = "feed", fate: str = "done") -> str:
    """An object of two batches. `fate`: done, pending, dead, uneven, gap, empty, unavailable, remarked, history."""
    ledger, name = Ledger(database.engine, pipeline), f"{number:03}.csv"
    one = SourceObject(stable_id(pipeline, name), pipeline, source, name, "v", "r", header=("a", "b"), header_end=3)
    ledger.open_object(one)
    if fate != "empty":
        starts = ((0, 3, 1, 6), (1, 63, 7, 4 + number))
        cuts = [
            Cut(stable_id(pipeline, name, str(n)), n, at, at + 60, records, first, first, "d" * 32)
            for n, at, first, records in starts
        ]
        ledger.record_cuts(one.id, cuts)
        for cut in cuts:
            if not (fate in ("pending", "dead") and cut.sequence == 1):
                settle(database, cut, rejected=number % 3, lost=fate == "uneven")
        if fate == "dead":
            ledger.mark_dead(cuts[1].batch_id, "no", 3)
        if fate == "gap":
            database.execute(f"UPDATE dcp_batches SET start = start + 1 WHERE id = '{cuts[1].batch_id}'")
    states = {"unavailable": ObjectState.UNAVAILABLE, "history": ObjectState.HISTORY}
    ledger.update_object(one.id, state=states.get(fate, ObjectState.CUT), reason=REMARK if fate == "remarked" else None)
    return one.id


def settle(database: Database, cut: Cut, rejected: int, lost: bool = False) -> None:
    read = '"read"' if database.kind == "sqlite" else "`read`"
    database.execute(
        f"UPDATE dcp_batches SET state = 'done', written = {cut.records - rejected - lost}, rejected = {rejected}, "
        "duplicates = 0, filtered = 0, settled_at = created_at, "
        f"{read} = {cut.records} WHERE id = '{cut.batch_id}'"
    )


def count(ledger: Ledger) -> int:
    """Until there are no more; how many were counted."""
    number, found = 0, 0
    while (step := ledger.count_settled(number)).number:
        number, found = step.number, found + step.counted
    return found


def same(ledger: Ledger) -> None:
    """What the totals say is what every object says, one by one."""
    one_by_one = overview_of(ledger.books().objects)
    assert ledger.totals() == one_by_one.totals
    found = ledger.overview()
    assert [each.uri for each in found.wrong] == [each.uri for each in one_by_one.wrong]
    assert [each.uri for each in found.unsettled] == [each.uri for each in one_by_one.unsettled]
    assert found.latest == one_by_one.latest
    kinds = {each.kind for each in verify(ledger.engine, ledger.pipeline, "clean").findings}
    assert FindingKind.TOTALS not in kinds


def looked(ledger: Ledger) -> Arrivals:
    with ledger.engine.connect() as connection:
        return arrivals(connection, ledger.pipeline, 3600, windows=2)


FATES = ("done", "pending", "dead", "uneven", "gap", "empty", "unavailable", "remarked", "history")


def test_totals_are_the_sums_over_all_objects_counted_or_not(database: Database) -> None:
    for pipeline in (PIPELINE, OTHER):
        Ledger(database.engine, pipeline).prepare()
    for number in range(2 * len(FATES) + 2):
        for pipeline in (PIPELINE, OTHER):
            fate = FATES[number % len(FATES)] if number < 2 * len(FATES) else "done"
            add(database, pipeline, number, source=("a", "b")[number % 2], fate=fate)
    ledger, other = Ledger(database.engine, PIPELINE), Ledger(database.engine, OTHER)
    same(ledger)
    before = looked(ledger)
    assert count(ledger) == 2 * 4, "done, empty, remarked and history; not the newest two"
    same(ledger)
    same(other)
    assert count(ledger) == 0
    assert database.execute("SELECT COUNT(*) FROM dcp_totals WHERE pipeline = 'feeds/other'")[0][0] == 0
    after = looked(ledger)
    assert (after.first, after.last, after.records) == (before.first, before.last, before.records)
    assert (after.records, sum(after.before)) == (after.records + sum(after.before), 0)


@pytest.mark.parametrize(
    ("most", "over", "worst"),
    [(0.5, 0, []), (0.2, 2, ["002.csv", "005.csv"]), (0.1, 4, ["002.csv", "005.csv", "001.csv"])],
)
def test_objects_of_which_much_was_rejected_are_the_worst_first(
    database: Database, most: float, over: int, worst: list[str]
) -> None:
    ledger = Ledger(database.engine, PIPELINE)
    ledger.prepare()
    for number, fate in enumerate(("done", "done", "done", "pending", "done", "done", "pending")):
        add(database, PIPELINE, number, fate=fate)
    count(ledger)
    add(database, PIPELINE, 8)
    database.execute(
        "UPDATE dcp_batches SET settled_at = '2020-01-01 00:00:00' "
        f"WHERE object_id = '{stable_id(PIPELINE, '008.csv')}'"
    )
    with database.engine.connect() as connection:
        found = much_rejected(connection, PIPELINE, 3600, most)
    assert (found.objects, found.over, [each.uri for each in found.worst]) == (7, over, worst)


def test_what_changes_is_taken_out_and_counted_again(database: Database) -> None:
    ledger = Ledger(database.engine, PIPELINE)
    ledger.prepare()
    ids = [add(database, PIPELINE, number) for number in range(8)]
    assert count(ledger) == 6
    # A file that grows, one that is read again, one that is forgotten.
    records = sum(each.records for each in ledger.cuts(ids[0]))
    grown = Cut(stable_id("more"), 2, 123, 130, 5, records + 1, records + 1, "e" * 32)
    ledger.record_cuts(ids[0], [grown], ledger.object(ids[0]))
    same(ledger)
    ledger.decide_object(ids[1], ObjectState.HISTORY, REMARK)
    ledger.update_object(ids[2], state=ObjectState.UNAVAILABLE, reason="gone")
    same(ledger)
    assert ledger.totals().pending == 5
    settle(database, grown, 1)
    ledger.update_object(ids[0], state=ObjectState.CUT)
    assert count(ledger) == 2, "what grew and what is history; not what is unavailable"
    same(ledger)
    database.execute("UPDATE dcp_totals SET written = written + 1")
    assert [f.kind for f in verify(ledger.engine, PIPELINE, "clean").findings].count(FindingKind.TOTALS) == 1 + 1
    ledger.count_anew()
    same(ledger)
    assert count(ledger) == 5
    same(ledger)


def test_a_replay_and_a_withdrawal_of_counted_objects_stay_exact(database: Database) -> None:
    name = Field(name="name")
    strict = Cleaning(
        fields=(name, Field(name="n", type="integer", constraints=Constraints(maximum=10))), unique=("name",)
    )
    lenient = Cleaning(fields=(name, Field(name="n", type="integer")), unique=("name",))
    ledger = Ledger(database.engine, PIPELINE)
    ledger.prepare()
    sink = SinkWriter(database.engine, PIPELINE, "clean")
    sink.prepare(strict)
    source, plan = Source(ledger, strict), CleaningPlan.compile(strict, Format())
    batch = source.lines("a,1", "b,50", "c,3")
    sink.commit(batch, plan.clean(batch), worker="w")
    ledger.update_object(batch.object_id, state=ObjectState.CUT)
    for number in range(2):
        add(database, PIPELINE, number)
    assert count(ledger) == 1
    mended = CleaningPlan.compile(lenient, Format())
    replay(ledger, sink, lambda _: ReplayPlan(mended, Format(), "revision-2", True), RejectFilter())
    same(ledger)
    assert (count(ledger), ledger.totals().rejected) == (1, 0 + 2)
    assert ledger.withdraw_records("clean", batch.id, 3) == 1
    same(ledger)
    assert count(ledger) == 1
    same(ledger)


def test_a_count_that_is_killed_before_any_statement_changes_nothing(sqlite: Database) -> None:
    ledger = Ledger(sqlite.engine, PIPELINE)
    ledger.prepare()
    for number in range(9):
        add(sqlite, PIPELINE, number)
    wanted, statements = ledger.totals(), 0

    class Killed(BaseException):
        pass

    def step(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    event.listen(sqlite.engine, "before_cursor_execute", step)
    try:
        while True:
            left = statements
            try:
                ledger.count_settled(0)
                break
            except Killed:
                left = 1000
                assert sqlite.execute("SELECT COUNT(*) FROM dcp_totals") == [(0,)]
                assert ledger.totals() == wanted
            statements += 1
    finally:
        event.remove(sqlite.engine, "before_cursor_execute", step)
    assert statements > 3
    assert sqlite.execute("SELECT objects FROM dcp_totals") == [(5,)]
    same(ledger)


def test_counting_beside_growing_files_and_readers_stays_exact(database: Database) -> None:
    ledger = Ledger(database.engine, PIPELINE)
    ledger.prepare()
    ids = [add(database, PIPELINE, number) for number in range(20)]
    wanted = ledger.totals()

    def shake(seed: int) -> None:
        draw, mine = random.Random(seed), Ledger(database.engine, PIPELINE)
        for _ in range(25):
            if seed == 0:
                seen = mine.totals()
                assert (seen.count, seen.read, seen.written) == (wanted.count, wanted.read, wanted.written)
            elif seed == 1:
                count(mine)
            else:
                mine.update_object(draw.choice(ids), reason=f"seen {draw.random()}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(shake, range(4)))
    same(ledger)
    assert ledger.totals().read == wanted.read


def test_what_is_counted_while_the_totals_are_forgotten_does_not_stay_without_them(mysql_like: Database) -> None:
    ledger = Ledger(mysql_like.engine, PIPELINE)
    ledger.prepare()
    for number in range(12):
        add(mysql_like, PIPELINE, number, source="new" if number >= 5 else "feed")
    after = ledger.count_settled(0).number
    beside = Ledger(mysql_like.connect(lease_seconds=1), PIPELINE, Patience(attempts=1))
    steps = []

    def count_beside(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("DELETE FROM dcp_totals") and not steps:
            steps.append(beside.count_settled(after))  # what it has marked is behind what was looked through

    event.listen(mysql_like.engine, "before_cursor_execute", count_beside)
    try:
        ledger.count_anew()
    finally:
        event.remove(mysql_like.engine, "before_cursor_execute", count_beside)
        beside.engine.dispose()
    assert [step.counted for step in steps] == [5]
    same(ledger)
    count(ledger)
    same(ledger)
    assert not [each for each in verify(ledger.engine, PIPELINE, "none").findings if each.kind is FindingKind.TOTALS]


def test_what_is_looked_at_since_a_time_finds_what_is_wrong_there(database: Database) -> None:
    ledger = Ledger(database.engine, PIPELINE)
    ledger.prepare()
    for number, fate in enumerate(("done", "uneven", "gap", "pending", "unavailable", "done")):
        add(database, PIPELINE, number, fate=fate)
    all_found = verify(ledger.engine, PIPELINE, "none").findings
    of_late = verify(ledger.engine, PIPELINE, "none", since_seconds=3600)
    assert sorted((f.uri, f.kind, f.message) for f in of_late.findings) == sorted(
        (f.uri, f.kind, f.message) for f in all_found
    )
    assert of_late.objects == 6
    database.execute("UPDATE dcp_batches SET settled_at = '2020-01-01 00:00:00' WHERE settled_at IS NOT NULL")
    old = verify(ledger.engine, PIPELINE, "none", since_seconds=3600)
    assert {f.uri for f in old.findings} == {"003.csv", "004.csv"}, "what is not done is looked at, however old"
    assert old.objects == 2
