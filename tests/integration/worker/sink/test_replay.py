"""Rejects are cleaned again by a mended spec, and count once whatever happens in between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from dcp_pipeline.batch import Batch
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.model import RejectFilter, RejectState, SourceObject
from dcp_pipeline.observe.phases import Phase
from dcp_pipeline.spec.model import Cleaning, Constraints, Field, Format
from dcp_pipeline.verify import verify
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.sink import ReplayPlan, ReplayReport, SinkWriter, replay
from dcp_worker.sink.writer import Cleaned
from support.databases import Database
from support.sink_cases import PIPELINE, Source

STRICT = Cleaning(
    fields=(Field(name="name"), Field(name="n", type="integer", constraints=Constraints(maximum=10))), unique=("name",)
)
LENIENT = msgspec.structs.replace(STRICT, fields=(Field(name="name"), Field(name="n", type="integer")))
CSV = Format()
ALL = RejectFilter()


class Case:
    """A pipeline that cleaned some lines by STRICT."""

    def __init__(self, database: Database, cleaning: Cleaning = STRICT, format_: Format = CSV) -> None:
        self.database, self.cleaning, self.format = database, cleaning, format_
        self.ledger = Ledger(database.engine, PIPELINE)
        self.ledger.prepare()
        self.sink = SinkWriter(database.engine, PIPELINE, "clean")
        self.sink.prepare(cleaning)
        self.source = Source(self.ledger, cleaning, format_=format_)

    def commit(self, batch: Batch) -> None:
        self.sink.commit(batch, self.compiled(self.cleaning).clean(batch), worker="w")

    def compiled(self, cleaning: Cleaning) -> CleaningPlan:
        return CleaningPlan.compile(cleaning, self.format, ordered=self.sink.table.ordered)

    def plan(self, cleaning: Cleaning) -> Callable[[SourceObject], ReplayPlan]:
        plan = self.compiled(cleaning)
        return lambda _: ReplayPlan(plan, self.format, "revision-2", bool(cleaning.unique))

    def replay(self, cleaning: Cleaning, wanted: RejectFilter = ALL, **options: object) -> ReplayReport:
        return replay(self.ledger, self.sink, self.plan(cleaning), wanted, **options)  # type: ignore[arg-type]

    def rows(self) -> list[tuple[object, ...]]:
        return sorted(self.database.execute("SELECT name, n, _dcp_record FROM clean"))

    def assert_balanced(self) -> None:
        assert verify(self.database.engine, PIPELINE, "clean").findings == ()
        assert self.ledger.books().balanced


@pytest.fixture
def case(database: Database) -> Case:
    made = Case(database)
    made.commit(made.source.lines("a,1", "b,20", "c,x", "d,4"))
    made.commit(made.source.lines("e,50", "b,60", 'quoted "q",70', '"f,f",80', "a,90", ","))
    return made


def totals(case: Case) -> tuple[int, ...]:
    books = case.ledger.books()
    return tuple(books.total(name) for name in ("read", "written", "duplicates", "rejected", "filtered"))


def test_mended_records_become_rows_at_their_own_places(case: Case) -> None:
    assert totals(case) == (10, 2, 0, 8, 0)
    report = case.replay(LENIENT)
    assert report == ReplayReport(replayed=8, written=4, duplicates=2, filtered=0, rejected=2)
    assert case.rows() == [("a", 1, 1), ("b", 20, 2), ("d", 4, 4), ("e", 50, 5), ("f,f", 80, 8), ('quoted "q"', 70, 7)]
    assert totals(case) == (10, 6, 2, 2, 0)
    assert [(each.record, each.code) for each in case.ledger.rejects()] == [(3, "type-error"), (10, "blank-row")]
    case.assert_balanced()


def test_a_replay_that_is_repeated_changes_nothing(case: Case) -> None:
    case.replay(LENIENT)
    before = totals(case), case.rows(), case.database.execute("SELECT COUNT(*) FROM dcp_batches")
    assert case.replay(LENIENT) == ReplayReport(replayed=2, rejected=2)
    assert (totals(case), case.rows(), case.database.execute("SELECT COUNT(*) FROM dcp_batches")) == before
    case.assert_balanced()


def test_a_replay_that_is_killed_before_its_commit_counts_once_when_repeated(case: Case) -> None:
    def die(phase: Phase, _: str) -> None:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        case.replay(LENIENT, observer=die)
    assert totals(case) == (10, 2, 0, 8, 0)
    case.assert_balanced()
    assert case.replay(LENIENT).written == 4
    case.assert_balanced()


def test_records_that_fail_for_another_reason_keep_their_places(case: Case) -> None:
    stricter = msgspec.structs.replace(
        STRICT, fields=(Field(name="name"), Field(name="n", type="integer", constraints=Constraints(maximum=55)))
    )
    assert case.replay(stricter) == ReplayReport(replayed=8, written=2, rejected=6)
    rejects = {each.record: each for each in case.ledger.rejects()}
    assert sorted(rejects) == [3, 6, 7, 8, 9, 10]
    assert (rejects[8].raw, rejects[8].line, rejects[8].start) == (b'"f,f",80', 9, 10 + 17 + 24)
    assert "55" in rejects[8].reason
    replayed = RejectFilter(state=RejectState.REPLAYED)
    assert sorted(each.record for each in case.ledger.rejects(replayed)) == [2, 5, 6, 7, 8, 9]
    case.assert_balanced()
    assert case.replay(LENIENT).written == 2
    case.assert_balanced()


def test_only_the_rejects_that_were_asked_for_are_replayed(case: Case) -> None:
    assert case.replay(LENIENT, RejectFilter(code="type-error")) == ReplayReport(replayed=1, rejected=1)
    assert case.replay(LENIENT, RejectFilter(source="elsewhere")) == ReplayReport()
    assert case.replay(LENIENT, RejectFilter(field="n", code="constraint-error")).replayed == 6


def test_an_open_quote_cannot_swallow_its_neighbours(database: Database) -> None:
    case = Case(database)
    case.commit(case.source.cut(b'"open,20\n', 1, "a quote is never closed"))
    case.commit(case.source.lines("b,20", "c,30"))
    assert case.replay(LENIENT) == ReplayReport(replayed=3, written=2, rejected=1)
    assert [each.code for each in case.ledger.rejects()] == ["row-error"]
    case.assert_balanced()


def test_records_whose_bytes_were_cut_off_are_counted_and_left(database: Database) -> None:
    case = Case(database)
    case.sink.kept_bytes_per_object = 5
    case.commit(case.source.lines("b,20", "c,30"))
    assert case.replay(LENIENT) == ReplayReport(replayed=1, written=1, cut_off=1)
    assert case.rows() == [("b", 20, 1)]
    case.assert_balanced()


def test_without_unique_fields_a_replayed_record_keeps_its_identity(database: Database) -> None:
    placed = msgspec.structs.replace(STRICT, unique=())
    case = Case(database, placed)
    case.commit(case.source.lines("a,1", "a,20", "a,2", "a,30", "a,40"))
    assert case.replay(msgspec.structs.replace(LENIENT, unique=())).written == 3
    ids = dict(case.database.execute("SELECT _dcp_record, _dcp_id FROM clean"))
    again = case.compiled(msgspec.structs.replace(LENIENT, unique=()))
    batch = case.source.lines("a,1", "a,20", "a,2", "a,30", "a,40")
    fresh = again.clean(msgspec.structs.replace(batch, first_record=1)).rows
    assert ids == dict(zip(fresh["_dcp_record"], fresh["_dcp_id"], strict=True))


def test_ndjson_records_are_replayed(database: Database) -> None:
    case = Case(database, format_=Format(type="ndjson"))
    case.commit(case.source.lines('{"name": "a", "n": 20}', "no json", '{"name": "b\\n", "n": 3}'))
    assert case.replay(LENIENT) == ReplayReport(replayed=2, written=1, rejected=1)
    case.assert_balanced()


def test_a_second_replay_at_the_same_time_takes_nothing_twice(case: Case) -> None:
    other = SinkWriter(case.database.engine, PIPELINE, "clean")
    other.prepare(STRICT)
    lenient = CleaningPlan.compile(LENIENT, CSV)

    class Overtaken:
        """While this process cleans, another one replays the same rejects."""

        def clean(self, batch: Batch) -> Cleaned:
            replay(case.ledger, other, case.plan(LENIENT), ALL)
            return lenient.clean(batch)

    overtaken = replay(case.ledger, case.sink, lambda _: ReplayPlan(Overtaken(), CSV, "revision-3", True), ALL)
    assert overtaken.written == 0
    assert totals(case) == (10, 6, 2, 2, 0)
    case.assert_balanced()


def test_replays_side_by_side_share_the_work_and_none_of_them_fails(case: Case) -> None:
    """Each of its own filter, of which some overlap: all rejects are taken once, under numbers that differ."""
    case.commit(case.source.lines(*(f"{n},{n + 20}" for n in range(100, 160))))
    wanted = [ALL, RejectFilter(field="n"), RejectFilter(code="constraint-error"), ALL]
    together = threading.Barrier(len(wanted))

    def one(number: int) -> ReplayReport:
        sink = SinkWriter(case.database.engine, PIPELINE, "clean")
        sink.prepare(LENIENT)
        plan = CleaningPlan.compile(LENIENT, CSV)
        together.wait()
        return replay(case.ledger, sink, lambda _: ReplayPlan(plan, CSV, f"r{number}", True), wanted[number])

    before = case.ledger.count_rejects(ALL)
    with ThreadPoolExecutor(len(wanted)) as pool:
        reports = list(pool.map(one, range(len(wanted))))
    assert sum(each.written + each.duplicates for each in reports) == before - case.ledger.count_rejects(ALL)
    assert sum(each.written for each in reports) >= 60
    case.assert_balanced()


@pytest.mark.parametrize("replays", [1, 2], ids=["rejected once more", "written by a second replay"])
def test_what_replays_made_of_a_half_record_is_withdrawn_too(database: Database, replays: int) -> None:
    """A replay's own rejects stand under the replay, not under the batch that was cut."""
    case = Case(database)
    batch = case.source.lines("a,1", "b,20", "c,250")
    case.commit(batch)
    stricter = (Field(name="name"), Field(name="n", type="integer", constraints=Constraints(maximum=5)))
    for cleaning in (msgspec.structs.replace(STRICT, fields=stricter), LENIENT)[:replays]:
        case.replay(cleaning)
    assert case.ledger.withdraw_records("clean", batch.id, 3) == 1
    case.replay(LENIENT)
    assert case.rows() == [("a", 1, 1), ("b", 20, 2)], "the half record is not in the table, the others are"
    case.assert_balanced()
