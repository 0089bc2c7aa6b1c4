"""Rows that are old enough expire: exactly once, whatever is killed, whoever writes meanwhile."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from dcp_pipeline.batch import Batch
from dcp_pipeline.database.errors import SinkBusy, TableMismatch
from dcp_pipeline.database.transactions import Patience
from dcp_pipeline.ledger import Ledger, counted
from dcp_pipeline.ledger.expiring import keeper as keeping
from dcp_pipeline.ledger.expiring.plan import Expired, Kept, horizon
from dcp_pipeline.ledger.model import ObjectState, RejectFilter
from dcp_pipeline.observe.phases import Phase
from dcp_pipeline.spec.model import Cleaning, Constraints, Field, Format, Retention
from dcp_pipeline.spec.units import Duration
from dcp_pipeline.verify import verify
from dcp_worker.clean.group import alone, together
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.sink import CommitKind, ReplayPlan, SinkWriter, replay
from dcp_worker.sink.migrating import parting
from support.databases import Database
from support.sink_cases import PIPELINE, Source

STRICT = Cleaning(
    fields=(
        Field(name="seen_at", type="datetime"),
        Field(name="n", type="integer", constraints=Constraints(maximum=400)),
    ),
    unique=("seen_at", "n"),
)
LENIENT = Cleaning(fields=(STRICT.fields[0], Field(name="n", type="integer")), unique=("seen_at", "n"))
TEN_DAYS = Retention(by="seen_at", keep=Duration("10d"))
NOW = datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def kept(days: float) -> Kept:
    return Kept("seen_at", "datetime", days * 86_400)


def aged(days: float, n: int = 1) -> str:
    """A record of so many days ago."""
    return f"{(NOW - timedelta(days=days)).isoformat()}Z,{n}"


class Scene:
    def __init__(self, database: Database, retention: Retention | None = TEN_DAYS, rights: str | None = "ALL") -> None:
        if database.server is not None:
            database.server.grant(str(database.engine.url.database), rights)
        self.database, self.ledger = database, Ledger(database.engine, PIPELINE)
        self.ledger.prepare()
        self.sink = self.another(retention)
        self.source, self.plan = Source(self.ledger, STRICT), self.planned(STRICT)

    def another(self, retention: Retention | None = TEN_DAYS) -> SinkWriter:
        sink = SinkWriter(self.database.engine, PIPELINE, "clean", retention=retention)
        sink.prepare(STRICT)
        return sink

    def planned(self, cleaning: Cleaning) -> CleaningPlan:
        table = self.sink.table
        return CleaningPlan.compile(cleaning, Format(), ordered=table.ordered, ordered_by=table.ordered_by)

    def commit(self, *lines: str) -> Batch:
        batch = self.source.lines(*lines)
        assert self.again(batch) is CommitKind.COMMITTED
        return batch

    def again(self, batch: Batch, sink: SinkWriter | None = None) -> CommitKind:
        return (sink or self.sink).commit(batch, self.plan.clean(batch), worker="w").kind

    def expire(self, days: float | None) -> Expired:
        return self.ledger.keeper("clean", None if days is None else kept(days)).step(NOW)

    def ages(self) -> list[int | None]:
        rows = self.database.execute("SELECT seen_at FROM clean")
        moments = [None if each is None else datetime.fromisoformat(str(each)[:19]) for (each,) in rows]
        return sorted(
            (None if each is None else round((NOW - each).total_seconds() / 86_400) for each in moments), key=str
        )

    def counts(self) -> tuple[int, int, int, int]:
        """Read, written, duplicates, expired; and the books are right."""
        report = verify(self.database.engine, PIPELINE, "clean")
        assert report.balanced, report.findings
        found = self.ledger.totals()
        assert found.balanced
        assert found.total("expired") == self.ledger.books().total("expired")
        return found.read, found.written, found.duplicates, found.expired


@pytest.fixture
def scene(database: Database) -> Scene:
    return Scene(database)


def test_what_is_older_goes_and_what_has_no_time_stays(scene: Scene) -> None:
    scene.commit(aged(12), aged(11, 2), aged(9), aged(3), ",7", "1969-12-31T00:00:00Z,8")
    assert scene.counts() == (6, 6, 0, 0)
    assert scene.expire(10).rows == 2
    assert scene.ages() == sorted([9, 3, None, round((NOW - datetime(1969, 12, 31)).total_seconds() / 86_400)], key=str)
    assert scene.counts() == (6, 6, 0, 2)
    assert scene.expire(10) == Expired(), "nothing more until the next step"
    assert scene.expire(5).rows == 1
    assert scene.counts() == (6, 6, 0, 3)


def test_what_comes_too_late_is_counted_and_makes_no_row(scene: Scene) -> None:
    first = scene.commit(aged(12), aged(2))
    scene.expire(10)
    late = scene.commit(aged(12), aged(15, 3), aged(15, 3), aged(2), aged(1))
    assert scene.ages() == [1, 2]
    # Of the five, two are copies: one within its batch, one of a row that stands. One is of a row that has expired.
    assert scene.counts() == (7, 5, 2, 3)
    for batch in (first, late):
        assert scene.again(batch) is CommitKind.ALREADY_DONE
        assert scene.again(batch, scene.another()) is CommitKind.ALREADY_DONE
    assert scene.counts() == (7, 5, 2, 3)
    assert scene.ages() == [1, 2]


def test_batches_of_one_transaction_meet_the_horizon_as_well(scene: Scene) -> None:
    scene.expire(10)
    batches = [scene.source.lines(aged(12, n), aged(1, n)) for n in range(3)] + [scene.source.lines(aged(12), ",8")]
    group = together(alone(number, each, scene.plan.clean(each)) for number, each in enumerate(batches))
    kinds = {each.kind for each in scene.sink.commit_together(group, worker="w").values()}
    assert kinds == {CommitKind.COMMITTED}
    assert scene.ages() == [1, 1, 1, None]
    assert scene.counts() == (8, 7, 1, 3)


def test_kept_for_longer_again_rows_of_then_are_taken_again(scene: Scene) -> None:
    scene.commit(aged(8), aged(1))
    scene.expire(5)
    scene.commit(aged(8, 2))
    assert scene.ages() == [1]
    scene.expire(10)
    scene.commit(aged(8, 3), aged(11, 3))
    assert scene.ages() == [1, 8]
    assert scene.counts() == (5, 5, 0, 3)
    scene.expire(None)
    scene.commit(aged(30, 4))
    assert scene.expire(None).rows == 0
    assert scene.ages() == [1, 30, 8]
    assert scene.counts() == (6, 6, 0, 3)


def test_without_the_setting_nothing_is_deleted(database: Database) -> None:
    scene = Scene(database, retention=None)
    scene.commit(aged(4000), aged(1))
    assert scene.expire(None) == Expired()
    assert scene.counts() == (2, 2, 0, 0)


def test_a_table_that_was_begun_without_it_goes_by_batches(database: Database) -> None:
    scene = Scene(database, retention=None)
    scene.commit(aged(12), aged(1))
    scene.sink = scene.another()
    assert (scene.expire(10).rows, scene.expire(10).partitions) == (1, 0)
    assert scene.counts() == (2, 2, 0, 1)


def test_rows_in_another_order_are_refused_with_what_to_do(database: Database) -> None:
    sink = SinkWriter(database.engine, PIPELINE, "clean")
    Ledger(database.engine, PIPELINE).prepare()
    other = Cleaning(fields=STRICT.fields, unique=("n",))
    sink.prepare(other)
    with pytest.raises(TableMismatch, match=r"goes by seen_at.*dcp migrate"):
        SinkWriter(database.engine, PIPELINE, "clean", retention=TEN_DAYS).prepare(other)


def test_partitions_are_made_ahead_and_dropped(mysql_like: Database) -> None:
    scene = Scene(mysql_like)
    partitioning = keeping.dialect_of(mysql_like.engine).partitioning
    assert partitioning is not None

    def bounds() -> Sequence[str]:
        with mysql_like.engine.connect() as connection:
            return partitioning.bounds(connection, "clean") or ()

    before = bounds()
    scene.commit(*(aged(days) for days in range(12)))
    gone = scene.expire(5)
    assert gone.rows == 6
    assert gone.partitions == len(before) - len(bounds()) > 10
    assert scene.counts() == (12, 12, 0, 6)
    later = NOW + timedelta(days=1)
    assert scene.ledger.keeper("clean", kept(5)).step(later).rows == 0, "by the earlier of two clocks"
    assert min(each for each in bounds() if each > "00000001") > horizon(kept(5), NOW)
    mysql_like.execute(f"ALTER TABLE clean DROP PARTITION {', '.join('p' + each for each in bounds()[-5:])}")
    scene.commit(aged(-1, 5))
    scene.expire(5)
    assert max(bounds()) >= before[-1], "those that were missing are made, and what lay in the last one is moved"
    assert scene.counts() == (13, 13, 0, 6)


def test_without_the_right_to_drop_rows_go_by_batches(mysql_like: Database, caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(mysql_like, rights=None)
    scene.commit(aged(12), aged(11, 2), aged(1))
    assert scene.expire(10) == Expired(rows=2)
    assert "GRANT DROP" in caplog.text
    assert scene.ages() == [1]
    assert scene.counts() == (3, 3, 0, 2)


class Killed(BaseException):
    """Ends a keeper where it stands."""


def test_killed_before_each_statement_the_next_goes_on(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "ROWS_AT_ONCE", 3)
    monkeypatch.setattr(counted, "NOT_COUNTED", 0)
    scene = Scene(database, Retention(by="seen_at", keep=Duration("19d")))
    at, statements = 0, 0

    def kill(*_: object) -> None:
        nonlocal statements
        statements += 1
        if statements == at:
            raise Killed

    event.listen(scene.database.engine, "before_cursor_execute", kill)
    ended, tries = False, 0
    while not ended:
        # Each time a step further: a partition of its own.
        days, tries = 18 - tries / 4, tries + 1
        old = datetime.fromtimestamp(int(horizon(kept(days), NOW), 16), UTC) - timedelta(hours=1)
        lines = [f"{old.isoformat()},{n}" for n in range(4)]
        batch = scene.commit(*lines, aged(1, tries))
        scene.ledger.update_object(batch.object_id, state=ObjectState.CUT)
        scene.ledger.count_settled(0)
        at, statements = tries, 0
        try:
            scene.expire(days)
            ended = True
        except Killed:
            pass
        at = 0
        assert scene.counts()[1] == tries * 5, f"as it was left when it was killed before statement {tries}"
        scene.expire(days)
        assert scene.counts() == (tries * 5, tries * 5, 0, tries * 4)
    assert tries > 15
    assert scene.ages() == [1] * tries


def test_beside_writers_every_row_is_counted_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "ROWS_AT_ONCE", 7)
    chance = random.Random(4)
    batches = [
        scene.source.lines(*(aged(chance.uniform(0, 12), chance.randrange(90)) for _ in range(9))) for _ in range(40)
    ]
    days = [10.0, 9.0, 8.0, 7.0, 6.0, 5.0]

    def write(number: int) -> None:
        sink = scene.another()
        for batch in batches[number::3]:
            scene.again(batch, sink)

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(write, number) for number in range(3)]
        expiring = [pool.submit(lambda: [scene.expire(each) for each in days])]
        for each in [*running, *expiring]:
            each.result()
    scene.expire(5)
    below = horizon(kept(5), NOW)
    assert scene.database.execute(f"SELECT COUNT(*) FROM clean WHERE _dcp_id < x'{below}'") == [(0,)]
    read, written, duplicates, expired = scene.counts()
    assert read == 360 == written + duplicates
    assert scene.database.execute("SELECT COUNT(*) FROM clean") == [(written - expired,)]


def test_a_horizon_waits_for_a_batch_that_is_being_written(mysql_like: Database) -> None:
    scene = Scene(mysql_like)
    batch, hasty = scene.source.lines(aged(12), aged(1)), Patience(attempts=1)
    busy = Ledger(mysql_like.connect(lease_seconds=1), PIPELINE, hasty).keeper("clean", kept(10))
    seen = []

    def meanwhile(phase: Phase, _: str) -> None:
        seen.append(phase)
        if phase is Phase.INSERTED:
            with pytest.raises(SinkBusy):
                busy.step(NOW)

    scene.sink.commit(batch, scene.plan.clean(batch), worker="w", observer=meanwhile)
    assert Phase.INSERTED in seen
    assert scene.ages() == [1, 12]
    assert scene.expire(10).rows == 1
    assert scene.counts() == (2, 2, 0, 1)


def test_a_partition_is_dropped_while_its_batch_is_given_out_again(scene: Scene) -> None:
    batch = scene.commit(aged(12), aged(1))
    other, outcome = scene.another(), []
    cleaned = scene.plan.clean(batch)
    scene.expire(10)
    # Another worker has the same batch in hand: it was cleaned before the rows expired, and is committed after.
    outcome.append(other.commit(batch, cleaned, worker="other").kind)
    assert outcome == [CommitKind.ALREADY_DONE]
    assert scene.ages() == [1]
    assert scene.counts() == (2, 2, 0, 1)


def test_a_batch_that_is_done_again_after_a_ledger_went_back_makes_no_row_of_what_expired(scene: Scene) -> None:
    batch = scene.commit(aged(12), aged(1))
    scene.expire(10)
    # As after a restored dump: the ledger and the table know nothing of it, and the horizon stands.
    scene.database.execute("DELETE FROM clean")
    scene.database.execute(
        f"UPDATE dcp_batches SET state = 'cut', written = NULL, expired = NULL WHERE id = '{batch.id}'"
    )
    assert scene.again(batch) is CommitKind.COMMITTED
    assert scene.ages() == [1]
    assert scene.counts() == (2, 2, 0, 1)


def test_replays_and_withdrawals_of_what_is_old(scene: Scene) -> None:
    batch = scene.commit(aged(12), aged(12, 500), aged(1, 500), aged(1))
    scene.expire(10)
    mended = scene.planned(LENIENT)
    report = replay(
        scene.ledger, scene.sink, lambda _: ReplayPlan(mended, Format(), "revision-2", True), RejectFilter()
    )
    assert (report.written, report.rejected) == (2, 0)
    assert scene.ages() == [1, 1]
    assert scene.counts() == (4, 4, 0, 2)
    assert scene.ledger.withdraw_records("clean", batch.id, 4) == 1
    assert scene.counts() == (4, 3, 1, 2)
    assert scene.ledger.withdraw_records("clean", batch.id, 1) == 1, "what has expired stays counted as it was"
    assert scene.counts() == (4, 2, 2, 2)


def test_rejects_are_forgotten_and_their_counts_stay(database: Database) -> None:
    scene = Scene(database)
    batch = scene.commit(aged(1), aged(1, 500), aged(1, 600), aged(1, 900))
    later = scene.commit(aged(2, 700), aged(2))
    lenient = Cleaning(
        fields=(STRICT.fields[0], Field(name="n", type="integer", constraints=Constraints(maximum=500))),
        unique=STRICT.unique,
    )
    mended = ReplayPlan(scene.planned(lenient), Format(), "revision-2", True)
    assert replay(scene.ledger, scene.sink, lambda _: mended, RejectFilter()).written == 1
    month, long_ago = 30 * 86_400.0, (NOW - timedelta(days=40)).isoformat(sep=" ")

    def forget() -> Expired:
        return scene.ledger.keeper("clean", None, month).step(NOW)

    assert forget() == Expired()
    database.execute(f"UPDATE dcp_batches SET settled_at = '{long_ago}.000000' WHERE id = '{batch.id}'")
    database.execute("DELETE FROM dcp_meta WHERE name LIKE 'forgotten/%'")
    assert forget() == Expired(rejects=3)
    left = database.execute("SELECT batch_id, record FROM dcp_rejects ORDER BY record, batch_id")
    assert [record for _, record in left] == [3, 4, 5, 5], "those of the replay, whose reasons are others now"
    assert (later.id, 5) in left
    assert scene.counts() == (6, 3, 0, 0)
    assert scene.ledger.totals().rejected == 3
    assert forget() == Expired()
    everything = ReplayPlan(scene.planned(LENIENT), Format(), "revision-3", True)
    assert replay(scene.ledger, scene.sink, lambda _: everything, RejectFilter()).written == 3
    assert scene.counts() == (6, 6, 0, 0)
    database.execute("UPDATE dcp_batches SET forgotten = forgotten + 1 WHERE forgotten IS NOT NULL")
    report = verify(database.engine, PIPELINE, "clean")
    assert {each.kind.value for each in report.findings} == {"rejects"}


def replay_up_to(scene: Scene, most: int) -> None:
    field = Field(name="n", type="integer", constraints=Constraints(maximum=most))
    lenient = Cleaning(fields=(STRICT.fields[0], field), unique=STRICT.unique)
    mended = ReplayPlan(scene.planned(lenient), Format(), f"revision-{most}", True)
    replay(scene.ledger, scene.sink, lambda _: mended, RejectFilter())


def test_rows_of_a_replay_whose_rejects_are_forgotten_are_withdrawn_all_the_same(database: Database) -> None:
    scene = Scene(database)
    kept_one = scene.commit(aged(3, 800))
    batch = scene.commit(aged(3), aged(2, 500), aged(2, 700), aged(1, 600))
    replay_up_to(scene, 600)
    replay_up_to(scene, 900)
    assert scene.ages() == [1, 2, 2, 3, 3]
    long_ago = (NOW - timedelta(days=40)).isoformat(sep=" ")
    database.execute(f"UPDATE dcp_batches SET settled_at = '{long_ago}.000000'")
    assert scene.ledger.keeper("clean", None, 30 * 86_400.0).step(NOW).rejects > 0
    assert scene.ledger.withdraw_records("clean", batch.id, 4) == 2, "records 4 and 5"
    assert scene.ages() == [2, 3, 3]
    assert scene.ledger.withdraw_records("clean", batch.id, 2) == 2
    assert scene.ages() == [3], "the other batch's"
    assert scene.ledger.withdraw_records("clean", kept_one.id, 1) == 1
    assert scene.counts() == (5, 0, 5, 0)


@pytest.mark.parametrize("retention", [None, TEN_DAYS])
def test_a_table_made_anew_knows_nothing_of_what_expired_in_another_of_its_name(
    sqlite: Database, retention: Retention | None
) -> None:
    scene = Scene(sqlite)
    scene.commit(aged(12), aged(1))
    assert scene.expire(10).rows == 1
    # A keeper that was killed between counting and dropping left the second note.
    sqlite.execute(f"UPDATE dcp_meta SET value = '{horizon(kept(10), NOW)}' WHERE name = 'counted/clean'")
    sqlite.execute("DROP TABLE clean")
    sink = scene.another(retention)
    batch = scene.source.lines(aged(12, 2), aged(2))
    assert scene.again(batch, sink) is CommitKind.COMMITTED
    assert scene.ages() == [12, 2]
    if retention:
        assert scene.expire(10).rows == 1
        assert scene.ages() == [2]


def test_migrate_gives_a_table_of_today_its_partitions(database: Database) -> None:
    scene, later = Scene(database, retention=None), kept(10)
    scene.commit(aged(12), aged(11, 2), aged(1), ",7")
    if database.kind == "sqlite":
        assert (
            parting.part(database.engine, "clean", later) == "this database has no partitions; rows expire by batches"
        )
        return
    database.execute("ALTER TABLE clean ADD UNIQUE KEY mine (n, seen_at)")
    assert "mine does not; rows expire by batches" in parting.part(database.engine, "clean", later)
    database.execute("ALTER TABLE clean DROP KEY mine")
    assert "not lie in the order of n;" in parting.part(database.engine, "clean", Kept("n", "date", 86_400.0))
    assert parting.part(database.engine, "clean", later) == parting.PARTED
    assert parting.part(database.engine, "clean", later) == "it has partitions already"
    scene.sink = scene.another()
    scene.commit(aged(2), aged(1))
    gone = scene.expire(10)
    assert (gone.rows, gone.partitions) == (2, 1)
    assert scene.ages() == [1, 2, None]
    assert scene.counts() == (6, 5, 1, 2)
