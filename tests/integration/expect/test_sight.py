"""What is seen of a ledger by whoever tells of it: in a report, as metrics, and in numbers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from prometheus_client import generate_latest

from dcp_fetcher.process import expected_of
from dcp_pipeline.batch import stable_id
from dcp_pipeline.database.errors import SinkUnavailable
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.looking.sight import Sight
from dcp_pipeline.ledger.model import Cut, ObjectState, SourceObject
from dcp_pipeline.observe.gauges import ledger_gauges
from dcp_pipeline.observe.lookout import Looked, Lookout
from dcp_pipeline.observe.metrics import Metrics
from dcp_pipeline.observe.report import read_reports
from dcp_pipeline.observe.reporter import Reporter
from support.databases import Database
from support.pipelines import pipeline
from support.redis_server import redis_server

KEY = "feeds/botnet"
SPEC = pipeline({"expect": {"newDataWithin": "1h", "records": {"min": 100}, "maxRejected": "5%"}}).spec
SOURCE = SPEC.sources[0].name


def recorded(database: Database) -> Ledger:
    """Three objects: one with rejects, one with a dead batch, one that could not be read."""
    ledger = Ledger(database.engine, KEY)
    ledger.prepare()
    for name in ("a", "b", "c", "d"):
        one = SourceObject(stable_id(name), KEY, SOURCE, f"http://feed/{name}", "v", "r")
        ledger.open_object(one)
        ids = [stable_id(name, str(n)) for n in range(2)]
        ledger.record_cuts(one.id, [Cut(i, n, n * 10, n * 10 + 10, 10, n * 10 + 1, 1, i) for n, i in enumerate(ids)])
        ledger.update_object(one.id, state=ObjectState.CUT)
    ledger.mark_dead(stable_id("b", "1"), "out of memory", 5)
    for name in ("c", "d"):
        ledger.update_object(stable_id(name), state=ObjectState.UNAVAILABLE, reason=f"{name}: 404")
    now = f"'{ledger.now():%Y-%m-%d %H:%M:%S.%f}'"
    counts = "`read` = 10, written = 7, duplicates = 0, rejected = 3, filtered = 0"
    database.execute(
        f"UPDATE dcp_batches SET state = 'done', {counts}, settled_at = {now} WHERE object_id = '{stable_id('a')}'"
    )
    return ledger


def test_what_is_wrong_is_seen_with_its_numbers(database: Database) -> None:
    ledger = recorded(database)
    seen = ledger.sight(SPEC)
    assert {each.about: each.met for each in seen.expected} == {
        f"newDataWithin/{SOURCE}": True, "records": True, "maxRejected": False,
    }  # fmt: skip
    assert "30.0% of 20 in http://feed/a" in seen.expected[2].reason
    assert (seen.objects[ObjectState.UNAVAILABLE], [each.what for each in seen.unavailable]) == (
        2, ["http://feed/d", "http://feed/c"],
    )  # fmt: skip
    assert (seen.dead_batches, seen.dead_records, seen.unbalanced) == (1, 10, 0)
    assert (seen.dead[0].what, seen.dead[0].why) == ("batch 1 of http://feed/b", "out of memory")
    database.execute(f"UPDATE dcp_batches SET written = 6 WHERE id = '{stable_id('a', '0')}'")
    assert ledger.sight(SPEC).unbalanced == 1
    assert Ledger(database.engine, "feeds/other").sight(SPEC).objects[ObjectState.UNAVAILABLE] == 0


def test_it_goes_into_the_report_and_the_metrics_and_a_database_that_is_away_is_told(database: Database) -> None:
    ledger = recorded(database)
    away: list[bool] = []

    def look() -> Sight:
        if away:
            raise SinkUnavailable("refused")
        return ledger.sight(SPEC)

    lookout, metrics = Lookout(look), Metrics(KEY)
    metrics.add_gauges(ledger_gauges(lookout))
    assert "dcp_ledger" not in generate_latest(metrics.registry).decode()
    with redis_server() as server:
        client = server.client()
        reporter = Reporter(
            client, "q", "fetcher", ledger.books, expected=lambda: expected_of(lookout), period_seconds=0.001
        )
        reporter.run_once()
        assert read_reports(client, "q")["fetcher"].expected is None
        lookout.run_once()
        while read_reports(client, "q")["fetcher"].expected is None:
            reporter.run_once()
        told = read_reports(client, "q")["fetcher"].expected or ()
    assert [each.met for each in told] == [True, True, False]
    shown = generate_latest(metrics.registry).decode()
    assert f'dcp_expectation_met{{about="maxRejected",pipeline="{KEY}"}} 0.0' in shown
    assert f'dcp_ledger_last_arrival_timestamp_seconds{{pipeline="{KEY}",source="{SOURCE}"}}' in shown
    assert f'dcp_ledger_objects{{pipeline="{KEY}",state="unavailable"}} 2.0' in shown
    assert f'dcp_ledger_dead_records{{pipeline="{KEY}"}} 10.0' in shown
    away.append(True)
    lookout.run_once()
    shown = generate_latest(metrics.registry).decode()
    assert f'dcp_ledger_up{{pipeline="{KEY}"}} 0.0' in shown
    assert "dcp_expectation_met" not in shown
    assert expected_of(lookout) is None


def test_a_listener_with_a_defect_keeps_nobody_uninformed() -> None:
    told: list[Looked] = []
    seen = Sight(came=None)  # type: ignore[arg-type]

    def broken(_: Looked) -> None:
        raise ZeroDivisionError

    lookout = Lookout(lambda: seen, period_seconds=0.001)
    lookout.add(broken)
    lookout.add(told.append)
    assert lookout.run_once() >= 0.001
    assert [each.sight for each in told] == [seen]


def test_looking_pauses_for_what_it_costs_but_for_the_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Sight(came=None)  # type: ignore[arg-type]
    clock = iter([0.0, 100.0, 103.0, 200.0, 200.5, 300.0, 399.0])
    hands = SimpleNamespace(monotonic=lambda: next(clock), time=lambda: 0.0)
    monkeypatch.setattr("dcp_pipeline.observe.lookout.time", hands)
    lookout = Lookout(lambda: seen)
    assert [lookout.run_once() for _ in range(4)] == pytest.approx([60.0, 150.0, 60.0, 600.0])
