"""Objects of which nothing is left go from the ledger, and the books stay what they were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dcp_pipeline.ledger import Ledger, counted
from dcp_pipeline.ledger.expiring import objects
from dcp_pipeline.ledger.model import ObjectState
from dcp_pipeline.verify import FindingKind, verify
from dcp_worker.sink import SinkWriter
from support.databases import Database
from support.sink_cases import PIPELINE, CleanedCase, Source, cleaning, reject, rows_of

SPEC = cleaning(("name", "string", 100), ("n", "integer"), unique=["name"])
AN_HOUR = timedelta(hours=1)


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class Scene:
    """Objects of two rows and a reject each, counted; their rows are gone unless it is said otherwise."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(counted, "NOT_COUNTED", 0)
        self.database, self.ledger = database, Ledger(database.engine, PIPELINE)
        self.ledger.prepare()
        self.sink = SinkWriter(database.engine, PIPELINE, "clean")
        self.sink.prepare(SPEC)
        self.objects: list[str] = []

    def add(self, *, row_left: bool = False, reject_left: bool = False) -> str:
        number = len(self.objects)
        source = Source(self.ledger, SPEC, uri=f"http://feed/{number}.csv")
        batch = source.lines("a", "b", "c")
        cleaned = CleanedCase(rows_of(SPEC, [(f"{number}a", 1), (f"{number}b", 2)]), (reject(3),), read=3)
        self.sink.commit(batch, cleaned, worker="w")
        self.ledger.update_object(source.id, state=ObjectState.CUT)
        if not row_left:
            self.database.execute(f"DELETE FROM clean WHERE name LIKE '{number}%'")
            self.database.execute(f"UPDATE dcp_batches SET expired = 2 WHERE id = '{batch.id}'")
        if not reject_left:
            self.database.execute(f"DELETE FROM dcp_rejects WHERE batch_id = '{batch.id}'")
            self.database.execute(f"UPDATE dcp_batches SET forgotten = 1, kept_bytes = 0 WHERE id = '{batch.id}'")
        self.objects.append(source.id)
        return source.id

    def count(self) -> None:
        after = 0
        while (step := self.ledger.count_settled(after)).number:
            after = step.number

    def findings(self) -> set[FindingKind]:
        return {each.kind for each in verify(self.database.engine, PIPELINE, "clean").findings}

    def forget(self, *ids: str, before: datetime | None = None) -> int:
        return self.ledger.forget_objects(ids or self.objects, before or now() + AN_HOUR)


@pytest.fixture
def scene(database: Database, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(database, monkeypatch)


def test_what_has_nothing_left_goes_and_the_books_stay_what_they_were(scene: Scene) -> None:
    gone, row_left, reject_left = scene.add(), scene.add(row_left=True), scene.add(reject_left=True)
    also_gone = scene.add()
    scene.count()
    before = scene.ledger.totals()
    assert scene.forget() == 2
    assert scene.ledger.object(gone) is scene.ledger.object(also_gone) is None
    assert scene.ledger.object(row_left) is not None
    assert scene.ledger.object(reject_left) is not None
    after = scene.ledger.totals()
    for name in ("read", "written", "duplicates", "rejected", "filtered", "expired", "batches", "pending", "dead"):
        assert after.total(name) == before.total(name), name
    assert (before.count, after.count, after.gone) == (4, 2, 2)
    assert after.balanced
    assert scene.findings() == set()
    scene.ledger.count_anew()
    assert scene.ledger.totals().read == before.read, "what has no entry any more is not counted anew, but kept"
    scene.count()
    assert scene.findings() == set()
    assert scene.forget() == 0


def test_what_changed_since_or_is_not_counted_stays(scene: Scene) -> None:
    scene.add()
    assert scene.forget() == 0, "it is not counted yet"
    scene.count()
    assert scene.forget(before=now() - AN_HOUR) == 0
    assert scene.ledger.old_objects("s", now() - AN_HOUR, 0) == []
    [(number, id_, uri)] = scene.ledger.old_objects("s", now() + AN_HOUR, 0)
    assert (id_, uri) == (scene.objects[0], "http://feed/0.csv")
    assert scene.ledger.old_objects("s", now() + AN_HOUR, number) == []
    assert scene.ledger.old_objects("other", now() + AN_HOUR, 0) == []
    assert scene.forget() == 1


def test_a_transaction_deletes_so_many_batches_and_no_more(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "MOST_BATCHES", 2)
    for _ in range(5):
        scene.add()
    scene.count()
    assert [scene.forget() for _ in range(4)] == [2, 2, 1, 0]
    assert (scene.ledger.totals().gone, scene.ledger.totals().read) == (5, 15)
    assert scene.findings() == set()


def test_a_file_that_comes_again_is_new(scene: Scene) -> None:
    scene.add()
    scene.count()
    scene.forget()
    scene.objects.clear()
    scene.add(row_left=True)
    totals = scene.ledger.totals()
    assert (totals.read, totals.written, totals.expired, totals.count, totals.gone) == (6, 4, 2, 1, 1)
    assert scene.findings() <= {FindingKind.REJECTS}


def test_sums_of_what_is_gone_that_do_not_add_up_are_found(scene: Scene) -> None:
    scene.add()
    scene.count()
    scene.forget()
    assert scene.findings() == set()
    scene.database.execute("UPDATE dcp_totals SET written = written + 1 WHERE state = 'gone'")
    assert scene.findings() == {FindingKind.TOTALS}
