"""The ledger as the page looks at it: a page at a time, and over time; on every kind of database."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from dcp_pipeline.batch import stable_id
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.looking.over_time import Step
from dcp_pipeline.ledger.looking.view import LedgerView
from dcp_pipeline.ledger.model import Cut, ObjectState, RejectFilter, SourceObject
from support.databases import Database

PIPELINE, OTHER = "feeds/botnet", "feeds/other"
STATES = (ObjectState.CUT, ObjectState.UNAVAILABLE, ObjectState.CUT, ObjectState.CUTTING)


def filled(database: Database, count: int) -> LedgerView:
    """Objects of two pipelines in turn, each of ours with a batch of 10 records."""
    for pipeline in (PIPELINE, OTHER):
        Ledger(database.engine, pipeline).prepare()
    for number in range(count):
        for pipeline in (PIPELINE, OTHER):
            ledger, name = Ledger(database.engine, pipeline), f"{number:03}.csv"
            source = "even" if number % 2 == 0 else "odd"
            one = SourceObject(stable_id(pipeline, name), pipeline, source, name, "v", "r", header=("a", "b"))
            ledger.open_object(one)
            ledger.record_cuts(one.id, [Cut(stable_id(pipeline, name, "0"), 0, 0, 100, 10, 1, 1, "d" * 32)])
            ledger.update_object(one.id, state=STATES[number % len(STATES)], reason="torn")
    return LedgerView(database.engine, PIPELINE)


def settle(database: Database, name: str, at: datetime, written: int, rejected: int) -> str:
    batch = stable_id(PIPELINE, name, "0")
    database.execute(
        f"UPDATE dcp_batches SET state = 'done', written = {written}, rejected = {rejected}, duplicates = 0, "
        f"filtered = 0, settled_at = '{at:%Y-%m-%d %H:%M:%S.%f}' WHERE id = '{batch}'"
    )
    for record in range(1, rejected + 1):
        code = "type-error" if record % 2 else "constraint-error"
        database.execute(
            "INSERT INTO dcp_rejects (batch_id, record, object_id, line, start, code, field, reason, raw, raw_bytes, "
            f"raw_digest, state) VALUES ('{batch}', {record}, '{stable_id(PIPELINE, name)}', {record}, 0, '{code}', "
            f"'port', 'no number', X'78', 1, '{'d' * 32}', 'open')"
        )
    return batch


@pytest.mark.parametrize("state", [None, ObjectState.CUT, ObjectState.HISTORY])
@pytest.mark.parametrize("source", [None, "odd"])
def test_pages_hold_every_object_once_in_both_directions(
    sqlite: Database, state: ObjectState | None, source: str | None
) -> None:
    view = filled(sqlite, 23)
    wanted = [
        f"{n:03}.csv"
        for n in reversed(range(23))
        if state in (None, STATES[n % 4]) and source in (None, "even" if n % 2 == 0 else "odd")
    ]
    down, page = [], view.objects_page(state=state, source=source, limit=5)
    down.append(page)
    while page.older is not None:
        page = view.objects_page(older_than=page.older, state=state, source=source, limit=5)
        down.append(page)
    assert [each.books.uri for one in down for each in one.objects] == wanted
    assert down[0].newer is None
    up = [page]
    while page.newer is not None:
        page = view.objects_page(newer_than=page.newer, state=state, source=source, limit=5)
        up.append(page)
    assert [each.books.uri for one in reversed(up) for each in one.objects] == wanted


def test_what_is_looked_at_is_the_same_on_every_database(database: Database) -> None:
    view = filled(database, 6)
    now = view.now()
    noon = Step.DAY.floor(now) - timedelta(days=1) + timedelta(hours=12)
    settle(database, "000.csv", noon, 8, 2)
    settle(database, "001.csv", noon + timedelta(minutes=59, seconds=59), 10, 0)
    newest = settle(database, "002.csv", noon + timedelta(hours=1), 7, 3)
    page = view.objects_page(limit=4)
    assert [each.books.uri for each in page.objects] == ["005.csv", "004.csv", "003.csv", "002.csv"]
    assert [(each.books.written, each.books.rejected, each.books.consistent) for each in page.objects][-1] == (
        7,
        3,
        True,
    )
    assert view.totals().consistent
    assert (view.totals().read, view.totals().written, view.totals().pending) == (60, 25, 30)
    assert view.totals().objects[ObjectState.UNAVAILABLE] == 2
    assert view.last_settled() == noon + timedelta(hours=1)

    hours = view.flow(noon - timedelta(hours=1), Step.HOUR)
    assert [(each.at, each.read, each.written, each.rejected, each.batches) for each in hours] == [
        (noon, 20, 18, 2, 2),
        (noon + timedelta(hours=1), 10, 7, 3, 1),
    ]
    by_source = view.flow(noon, Step.DAY, by_source=True)
    assert [(each.at, each.source, each.read) for each in by_source] == [
        (Step.DAY.floor(noon), "even", 20),
        (Step.DAY.floor(noon), "odd", 10),
    ]
    minutes = view.flow(noon + timedelta(minutes=1), Step.MINUTE)
    assert [each.at for each in minutes] == [noon + timedelta(minutes=59), noon + timedelta(hours=1)]

    rejects = view.rejects_over_time(noon, Step.HOUR)
    assert [(each.at.hour, each.code, each.count) for each in rejects] == [
        (12, "constraint-error", 1),
        (12, "type-error", 1),
        (13, "constraint-error", 1),
        (13, "type-error", 2),
    ]
    assert [(each.code, each.field, each.count) for each in view.reject_groups()] == [
        ("type-error", "port", 3),
        ("constraint-error", "port", 2),
    ]
    found, after = [], None
    while some := view.rejects_page(RejectFilter(), after, limit=2):
        found += some
        after = some[-1].key
    assert [(each.reject.uri, each.reject.record) for each in found] == [
        ("002.csv", 1),
        ("002.csv", 2),
        ("002.csv", 3),
        ("000.csv", 1),
        ("000.csv", 2),
    ]
    assert (found[0].reject.batch_id, found[0].labels) == (newest, ("a", "b"))
    assert len(view.rejects_page(RejectFilter(code="type-error"))) == 3
