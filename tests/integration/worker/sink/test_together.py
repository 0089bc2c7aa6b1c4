"""Several batches in one transaction: all of them or none, each counted as its own."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import polars as pl
import pytest
from msgspec.structs import replace

from dcp_pipeline.batch import Batch, BatchForged
from dcp_pipeline.database.errors import SinkBusy
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.observe.phases import Phase
from dcp_pipeline.spec.model import Cleaning, Constraints, Field, Format
from dcp_pipeline.verify import verify
from dcp_worker.clean.group import CleanedGroup
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.sink import CommitKind, SinkWriter
from dcp_worker.sink.insertion import NotAsSent
from support.databases import Database
from support.sink_cases import PIPELINE, Source

STRICT = Cleaning(
    fields=(Field(name="name"), Field(name="n", type="integer", constraints=Constraints(maximum=10))), unique=("name",)
)


class Killed(BaseException):
    """Ends a worker where it stands."""


class Scene:
    def __init__(self, database: Database) -> None:
        self.database, self.ledger = database, Ledger(database.engine, PIPELINE)
        self.ledger.prepare()
        self.sink = SinkWriter(database.engine, PIPELINE, "clean")
        self.sink.prepare(STRICT)
        self.source, self.plan = Source(self.ledger, STRICT), CleaningPlan.compile(STRICT, Format())
        every = (["a,1", "b,2"], ["b,3", "c,4"], ["d,50", "e,x"], ["a,9"], ["f,1", "f,2"])
        self.batches = [self.source.lines(*lines) for lines in every]
        self.cleaned = [(batch, self.plan.clean(batch)) for batch in self.batches]

    def group(self, *batches: Batch) -> CleanedGroup:
        return self.plan.clean_together(dict(enumerate(batches)))

    def rows(self) -> list[str]:
        return sorted(name for (name,) in self.database.execute("SELECT name FROM clean"))

    def totals(self) -> tuple[int, int, int, int]:
        found = self.ledger.totals()
        return found.written, found.duplicates, found.rejected, found.pending


@pytest.fixture
def scene(database: Database) -> Scene:
    return Scene(database)


def test_batches_of_one_transaction_are_counted_each_for_itself(scene: Scene) -> None:
    done = scene.sink.commit(*scene.cleaned[3], worker="w")
    assert done.counts is not None
    unknown = replace(scene.batches[0], id="ab" * 16)
    group = scene.group(*scene.batches, unknown)
    kinds = [each.kind for each in scene.sink.commit_together(group, worker="w").values()]
    assert kinds == [CommitKind.COMMITTED] * 3 + [
        CommitKind.ALREADY_DONE, CommitKind.COMMITTED, CommitKind.UNKNOWN_BATCH,
    ]  # fmt: skip
    assert scene.rows() == ["a", "b", "c", "f"]
    assert scene.totals() == (4, 3, 2, 0)
    assert verify(scene.database.engine, PIPELINE, "clean").balanced
    again = list(scene.sink.commit_together(group, worker="other").values())
    assert [each.kind for each in again[:5]] == [CommitKind.ALREADY_DONE] * 5
    assert scene.totals() == (4, 3, 2, 0)


@pytest.mark.parametrize("number", [1, 3, 5])
def test_killed_before_its_commit_it_has_written_nothing(scene: Scene, number: int) -> None:
    seen = []

    def kill(phase: Phase, batch_id: str) -> None:
        seen.append(phase)
        if seen.count(Phase.INSERTED) == number:
            raise Killed

    with pytest.raises(Killed):
        scene.sink.commit_together(scene.group(*scene.batches), worker="w", observer=kill)
    assert (scene.rows(), scene.totals()[:3]) == ([], (0, 0, 0))
    scene.sink.commit_together(scene.group(*scene.batches), worker="w")
    assert scene.rows() == ["a", "b", "c", "f"]
    assert scene.ledger.totals().balanced


@pytest.mark.parametrize("slow", [False, True], ids=["fast", "without local_infile"])
def test_groups_have_the_same_rows_and_counts_as_their_batches_one_by_one(scene: Scene, slow: bool) -> None:
    if slow:
        scene.sink._table = scene.sink._dialect.slower(scene.sink.table)
    draw, rows, wanted = random.Random(7), {}, {}
    for size in (2, 9, 40, 3, 25):
        batches = []
        for _ in range(size):
            lines = [(f"n{draw.randrange(90)}", draw.randrange(13)) for _ in range(draw.randrange(1, 7))]
            batches.append(scene.source.lines(*(f"{name},{n}" for name, n in lines)))
            good = dict(reversed([each for each in lines if each[1] <= 10]))
            new = {name: n for name, n in good.items() if name not in rows}
            rows |= new
            rejected = sum(n > 10 for _, n in lines)
            wanted[batches[-1].id] = (len(lines), len(new), len(lines) - len(new) - rejected, rejected)
        alone = draw.sample(batches[:1], draw.randrange(2))
        for batch in alone:
            scene.sink.commit(batch, scene.plan.clean(batch), worker="w")
        outcomes = list(scene.sink.commit_together(scene.group(*batches), worker="w").values())
        assert [each.kind is CommitKind.ALREADY_DONE for each in outcomes] == [each in alone for each in batches]
    found = scene.database.execute(
        "SELECT id, `read`, written, duplicates, rejected FROM dcp_batches WHERE state = 'done'"
    )
    assert {row[0]: tuple(row[1:]) for row in found} == wanted
    assert dict(scene.database.execute("SELECT name, n FROM clean")) == rows
    assert verify(scene.database.engine, PIPELINE, "clean").balanced


def test_rejects_of_a_group_share_what_their_object_may_keep(scene: Scene) -> None:
    scene.sink.kept_bytes_per_object = 10
    scene.sink.commit_together(scene.group(scene.batches[2], scene.source.lines("g,x", "h,y")), worker="w")
    scene.sink.commit_together(scene.group(scene.source.lines("i,x"), scene.source.lines("j,1")), worker="w")
    kept = scene.database.execute("SELECT record, raw FROM dcp_rejects ORDER BY record")
    assert [raw is not None for _, raw in kept] == [True, True, True, False, False]


def test_one_that_is_not_what_was_cut_leaves_the_others_to_be_tried_alone(scene: Scene) -> None:
    forged = replace(scene.batches[1], first_record=77)
    with pytest.raises(BatchForged):
        scene.sink.commit_together(scene.group(scene.batches[0], forged, scene.batches[2]), worker="w")
    assert (scene.rows(), scene.totals()[:3]) == ([], (0, 0, 0))


def test_a_row_that_the_database_refuses_leaves_all_to_be_tried_alone(scene: Scene) -> None:
    if scene.database.kind == "sqlite":
        scene.database.execute("CREATE UNIQUE INDEX mine ON clean (n)")
    else:
        scene.database.execute("ALTER TABLE clean ADD UNIQUE KEY mine (n)")
    with pytest.raises(NotAsSent):
        scene.sink.commit_together(scene.group(scene.batches[0], scene.batches[4]), worker="w")
    assert (scene.rows(), scene.totals()[:3]) == ([], (0, 0, 0))
    for pair in (scene.cleaned[0], scene.cleaned[4]):
        scene.sink.commit(*pair, worker="w")
    assert scene.totals()[:3] == (2, 1, 1)


def test_what_is_seen_of_a_group_is_what_is_seen_of_its_batches_by_themselves(sqlite: Database) -> None:
    scene, seen = Scene(sqlite), list[tuple[int, list[int]]]()

    def see(_: str, records: int, rows: pl.DataFrame) -> None:
        seen.append((records, rows["n"].to_list() if rows.height else []))

    sink = SinkWriter(sqlite.engine, PIPELINE, "clean", seen=see)
    sink.prepare(STRICT)
    batches = [*scene.batches, scene.source.lines("a,4", "g,5", "g,6", "h,70", "g,7", "a,8")]
    sink.commit_together(scene.group(*batches), worker="w")
    assert sum(records for records, _ in seen) == sum(each.records for each in batches)
    wanted = [n for batch in batches for n in scene.plan.clean(batch).rows["n"].to_list()]
    assert sorted(n for _, some in seen for n in some) == sorted(wanted)


def test_records_that_others_hold_leave_all_to_be_tried_alone_soon(mysql_like: Database) -> None:
    scene = Scene(mysql_like)
    beside = SinkWriter(mysql_like.connect(lease_seconds=1), PIPELINE, "clean")
    beside.prepare(STRICT)
    met: list[type[BaseException]] = []

    def while_it_is_held(phase: Phase, batch_id: str) -> None:
        if phase is Phase.INSERTED:
            with pytest.raises(SinkBusy) as caught:
                beside.commit_together(scene.group(scene.batches[3], scene.batches[0]), worker="w")
            met.append(caught.type)

    scene.sink.commit(*scene.cleaned[1], worker="other", observer=while_it_is_held)
    assert met == [SinkBusy]
    assert scene.totals()[:3] == (2, 0, 0)
    for pair in (scene.cleaned[3], scene.cleaned[0]):
        assert beside.commit(*pair, worker="w").kind is CommitKind.COMMITTED
    assert (scene.rows(), scene.totals()[:2]) == (["a", "b", "c"], (3, 2))


@pytest.mark.timeout(300)
def test_groups_of_many_workers_with_the_same_records_all_come_to_an_end(mysql_like: Database) -> None:
    scene, draw = Scene(mysql_like), random.Random(5)
    left = [
        [scene.source.lines(*(f"n{draw.randrange(40)},{n}" for n in range(5))) for _ in range(8)] for _ in range(16)
    ]

    def work(_: int) -> int:
        sink, alone = SinkWriter(mysql_like.connect(), PIPELINE, "clean"), 0
        sink.prepare(STRICT)
        while left:
            with suppress(IndexError):
                batches = left.pop()
                pairs = [(batch, scene.plan.clean(batch)) for batch in batches]
                try:
                    sink.commit_together(scene.group(*batches), worker="w")
                except SinkBusy:
                    alone += len([sink.commit(*pair, worker="w") for pair in pairs])
        return alone

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    for pair in scene.cleaned:
        scene.sink.commit(*pair, worker="w")
    assert scene.totals()[3] == 0
    assert verify(mysql_like.engine, PIPELINE, "clean").balanced
    assert len(scene.rows()) == len(set(scene.rows()))
