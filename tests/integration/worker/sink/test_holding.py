"""An object of which too much is rejected waits for a person; its books balance at each moment."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from dcp_pipeline.batch import Batch
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.holding import HoldLimit, TooManyRejected
from dcp_pipeline.spec.expectations.expect import Expect
from dcp_pipeline.spec.model import Cleaning, Field, Format, Spec
from dcp_pipeline.verify import verify
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.sink import CommitKind, SinkWriter
from support.databases import Database
from support.sink_cases import PIPELINE, Source

NUMBERS = Cleaning(fields=(Field(name="n", type="integer"),), unique=("n",))
LIMIT = HoldLimit(0.05, "5%")


class Scene:
    def __init__(self, database: Database) -> None:
        self.database, self.ledger = database, Ledger(database.engine, PIPELINE)
        self.ledger.prepare()
        self.sink = SinkWriter(database.engine, PIPELINE, "clean", hold=LIMIT)
        self.sink.prepare(NUMBERS)
        table = self.sink.table
        self.plan = CleaningPlan.compile(NUMBERS, Format(), ordered=table.ordered, ordered_by=table.ordered_by)
        self.next = 0

    def batch(self, source: Source, good: int, bad: int = 0) -> Batch:
        self.next += good
        return source.lines(*(str(n) for n in range(self.next - good, self.next)), *["x"] * bad)

    def commit(self, batch: Batch) -> CommitKind:
        return self.sink.commit(batch, self.plan.clean(batch), worker="w").kind

    def hold(self, batch: Batch) -> str:
        """As a worker does."""
        with pytest.raises(TooManyRejected) as held:
            self.commit(batch)
        assert self.ledger.mark_dead(batch.id, str(held.value), 0)
        self.check()
        return str(held.value)

    def check(self) -> None:
        assert all(each.consistent for each in self.ledger.books().objects)
        assert verify(self.database.engine, PIPELINE, "clean").balanced

    def rows(self) -> int:
        return int(self.database.execute("SELECT COUNT(*) FROM clean")[0][0])

    def totals(self) -> tuple[int, int, int, int, int]:
        found = self.ledger.totals()
        return found.written, found.rejected, found.filtered, found.dead, found.pending

    def expected(self) -> list[bool]:
        expect = Expect(max_rejected="5%", when_rejected="hold")
        spec = replace(_SPEC, expect=expect)
        return [each.met for each in self.ledger.expectations(spec)]


_SPEC = Spec(sources=(), cleaning=NUMBERS)


@pytest.fixture
def scene(database: Database) -> Scene:
    return Scene(database)


def test_what_came_before_stands_and_all_that_comes_after_waits_until_it_is_released(scene: Scene) -> None:
    source, other = Source(scene.ledger, NUMBERS), Source(scene.ledger, NUMBERS, "http://feed/other.csv")
    first, second, third = scene.batch(source, 30), scene.batch(source, 18, 2), scene.batch(source, 10, 10)
    assert [scene.commit(first), scene.commit(second)] == [CommitKind.COMMITTED] * 2, "2 of 50 are no more than 5%"
    assert scene.hold(third) == "held: 17.1% of the first 70 records rejected; at most 5% is expected"
    assert scene.hold(fourth := scene.batch(source, 12)) == "held: with its object"
    assert scene.commit(scene.batch(other, 3, 3)) is CommitKind.COMMITTED, "another; and too few to judge it by"
    assert scene.totals() == (30 + 18 + 3, 2 + 3, 0, 32, 0)
    assert scene.rows() == 51
    (held,) = scene.ledger.held()
    assert (held.uri, held.batches, held.records) == (source.uri, 2, 32)
    assert held.reason.startswith("17.1% of the first 70")
    assert (scene.ledger.sight(_SPEC).dead_batches, scene.expected()) == (0, [False])

    assert scene.ledger.release(source.id) == [third.id, fourth.id]
    assert scene.totals()[3:] == (0, 32)
    assert [scene.commit(third), scene.commit(fourth)] == [CommitKind.COMMITTED] * 2
    assert scene.commit(scene.batch(source, 1, 19)) is CommitKind.COMMITTED, "it is judged no more"
    assert scene.totals() == (51 + 22 + 1, 5 + 10 + 19, 0, 0, 0)
    assert scene.ledger.held() == ()
    assert verify(scene.database.engine, PIPELINE, "clean").complete


def test_what_waits_may_be_left_out(scene: Scene) -> None:
    source = Source(scene.ledger, NUMBERS)
    batches = [scene.batch(source, 30), scene.batch(source, 0, 40)]
    scene.commit(batches[0])
    scene.hold(batches[1])
    assert scene.ledger.drop(source.id) == [batches[1].id]
    assert scene.totals() == (30, 0, 40, 0, 0)
    assert (scene.ledger.held(), scene.expected()) == ((), [True])
    assert scene.commit(batches[1]) is CommitKind.ALREADY_DONE, "a worker that had it in hand all the while"
    assert scene.ledger.drop(source.id) == []
    assert scene.commit(scene.batch(source, 20)) is CommitKind.COMMITTED
    assert verify(scene.database.engine, PIPELINE, "clean").complete


def test_of_small_batches_in_one_transaction_none_is_written_where_one_is_held(scene: Scene) -> None:
    sources = [Source(scene.ledger, NUMBERS, f"http://feed/{name}.csv") for name in "ab"]
    batches = [scene.batch(sources[0], 25), scene.batch(sources[1], 5, 20)]
    with pytest.raises(TooManyRejected):
        scene.sink.commit_together(scene.plan.clean_together(dict(enumerate(batches))), worker="w")
    assert scene.totals() == (0, 0, 0, 0, 50)
    assert scene.commit(batches[0]) is CommitKind.COMMITTED
    assert "80.0% of the first 25" in scene.hold(batches[1])
    source = Source(scene.ledger, NUMBERS, "http://feed/c.csv")
    few = [scene.batch(source, 15), scene.batch(source, 15), scene.batch(source, 8, 2), scene.batch(source, 0, 1)]
    with pytest.raises(TooManyRejected):
        scene.sink.commit_together(scene.plan.clean_together(dict(enumerate(few))), worker="w")
    assert [scene.commit(each) for each in few[:2]] == [CommitKind.COMMITTED] * 2
    assert scene.commit(few[2]) is CommitKind.COMMITTED, "2 of 40"
    assert "7.3% of the first 41" in scene.hold(few[3])
    more = [scene.batch(Source(scene.ledger, NUMBERS, f"http://feed/{name}.csv"), 30, 1) for name in "de"]
    found = scene.sink.commit_together(scene.plan.clean_together(dict(enumerate(more))), worker="w")
    assert {each.kind for each in found.values()} == {CommitKind.COMMITTED}


@pytest.mark.parametrize("good", [5, 600])
def test_good_batches_of_its_transaction_do_not_hide_the_one_before_them(scene: Scene, good: int) -> None:
    source, other = Source(scene.ledger, NUMBERS), Source(scene.ledger, NUMBERS, "http://feed/other.csv")
    settled = scene.batch(source, 0, 1)
    scene.commit(settled)
    batches = [settled, scene.batch(source, 10, 14), scene.batch(other, 9), scene.batch(source, good)]
    group = scene.plan.clean_together(dict(enumerate(batches)))
    with pytest.raises(TooManyRejected, match=r"60\.0% of the first 25 records"):
        scene.sink.commit_together(group, worker="w")
    assert scene.totals() == (0, 1, 0, 0, 33 + good)
    assert scene.hold(batches[1]).startswith("held: 60.0% of the first 25")
    assert scene.commit(batches[2]) is CommitKind.COMMITTED
    assert scene.hold(batches[3]) == "held: with its object"
    scene.ledger.release(source.id)
    done = scene.sink.commit_together(group, worker="w").values()
    assert [each.kind.value for each in done] == ["already-done", "committed", "already-done", "committed"]
    assert scene.totals() == (10 + 9 + good, 15, 0, 0, 0)
    assert verify(scene.database.engine, PIPELINE, "clean").complete


def test_what_is_settled_does_not_count_twice_where_a_group_is_judged(scene: Scene) -> None:
    source = Source(scene.ledger, NUMBERS)
    large, bad = scene.batch(source, 100), scene.batch(source, 0, 8)
    scene.commit(large)
    with pytest.raises(TooManyRejected, match=r"7\.4% of the first 108"):
        scene.sink.commit_together(scene.plan.clean_together({0: large, 1: bad}), worker="w")
