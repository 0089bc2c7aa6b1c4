"""What a reject and a snapshot are shown as."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta

import pytest
from msgspec.structs import replace

from dcp_pipeline.ledger.holding import HeldObject
from dcp_pipeline.ledger.looking.expectations import Verdict as Expected
from dcp_pipeline.ledger.looking.overview import Totals
from dcp_pipeline.ledger.model import ObjectState, RejectState, StoredReject
from dcp_pipeline.observe.report import Report
from dcp_pipeline.queue import QueueStats
from dcp_pipeline.spec.model import Pipeline
from dcp_ui.drawing.calendar import Days, draw_days
from dcp_ui.reading.marks import marked
from dcp_ui.reading.rules import rule_of
from dcp_ui.reading.snapshot import LedgerSeen, QueueSeen, Snapshot
from dcp_ui.reading.verdict import Level, books_said, judge
from support.pipelines import pipeline

LABELS = ("when", "ip", "port")


def spec(form: dict[str, object]) -> Pipeline:
    fields = [
        {"name": "ip", "type": "ip"},
        {"name": "port", "from": ["p", "port"], "type": "integer", "constraints": {"maximum": 65535}},
    ]
    source = {"name": "s", "http": {"url": "http://feed/"}, "format": form}
    return pipeline({"sources": [source], "cleaning": {"fields": fields, "unique": ["ip"]}})


def reject(raw: bytes | None, code: str = "type-error", field: str | None = "port", reason: str = "no") -> StoredReject:
    size = len(raw or b"")
    return StoredReject(
        "b" * 32, "o" * 32, "s", "u", 1, 1, 0, code, field, reason, raw, size, "d" * 32, RejectState.OPEN
    )


@pytest.mark.parametrize(
    ("form", "one", "wrong"),
    [
        ({}, reject(b"now,1.2.3.4,high"), ["high"]),
        ({}, reject(b'now,"1,2","hi""gh",x'), ['"hi""gh"']),
        ({}, reject(b"now,,"), [""]),
        ({}, reject(b"now,1.2.3.4"), []),
        ({}, reject(b"now,1.2.3.4,5,more,and", "extra-cell", None), ["more,and"]),
        ({}, reject(b"now,\xff\xfe,5", "encoding-error", None), ["\\xff"]),
        ({}, reject(b"no\0w,1,5", "encoding-error", None), ["\0"]),
        ({"type": "csv", "delimiter": ";", "quoteChar": "'"}, reject(b"now;'1;2';7"), ["7"]),
        ({"type": "csv", "delimiter": "|", "escapeChar": "\\"}, reject(b"a\\|b|1|no"), ["no"]),
        ({"type": "ndjson"}, reject(b'{"ip": "1.2.3.4", "p" : "a\\"b, c", "x": 1}'), ['"a\\"b, c"']),
        ({"type": "ndjson"}, reject(b'{"port": -7}'), ["-7"]),
        (
            {"type": "regex", "pattern": "(?P<ip>\\S+) (?P<port>\\S+)"},
            reject(b"1.2.3.4 high", reason="'high' is no integer"),
            ["high"],
        ),
        ({"type": "regex", "pattern": "(?P<ip>\\S+) (?P<port>\\S+)"}, reject(b"a a", reason="'a' is no integer"), []),
        ({"type": "csv", "encoding": "gb18030"}, reject("时间,地址,端口".encode("gb18030")), ["端口"]),
    ],
)  # fmt: skip
def test_what_fails_is_marked_where_it_stands(form: dict[str, object], one: StoredReject, wrong: list[str]) -> None:
    found = marked(spec(form), one, LABELS)
    assert found is not None
    assert [each.text for each in found.pieces if each.wrong] == wrong


def test_a_record_that_was_not_kept_and_a_source_that_is_gone_are_shown_all_the_same() -> None:
    assert marked(spec({}), reject(None), LABELS) is None
    other = StoredReject(
        "b", "o", "gone", "u", 1, 1, 0, "type-error", "gone", "no", b"a,b", 9_000, "d", RejectState.OPEN
    )
    found = marked(spec({}), other, None)
    assert found is not None
    assert found.cut
    assert rule_of(spec({}), "gone") == ""


def test_a_rule_is_told_as_the_spec_has_it_without_defaults() -> None:
    told = rule_of(spec({}), "port")
    assert told == "name: port\nfrom:\n- p\n- port\ntype: integer\nconstraints:\n  maximum: 65535"


NOW = datetime(2026, 11, 29, 12)
HELD = HeldObject("o" * 32, "file:///a.csv", 1, 10, "50.0% rejected")
GOOD = Totals(read=10, written=9, rejected=1, batches=1)


def seen(
    totals: Totals = GOOD,
    objects: dict[ObjectState, int] | None = None,
    queue: QueueSeen | None = None,
    expected: tuple[Expected, ...] = (),
    held: tuple[HeldObject, ...] = (),
) -> Snapshot:
    ledger = LedgerSeen(NOW, replace(totals, objects=objects or {}), NOW, (), expected, held)
    return Snapshot(taken_at=time.time(), ledger=ledger, queue=queue, queue_absent=queue is None)


def asked(stats: QueueStats, **report: object) -> QueueSeen:
    return QueueSeen(stats, (), {"fetcher": Report(at=0, **report)}, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("snapshot", "level", "said"),
    [
        (None, Level.UNKNOWN, None),
        (Snapshot(0, ledger_absent=True, ledger_trouble="none", queue_absent=True), Level.UNKNOWN, None),
        (Snapshot(0, ledger_trouble="refused", queue_absent=True), Level.BAD, "The database does not answer"),
        (seen(), Level.IDLE, None),
        (seen(Totals(read=10, written=5, pending=5)), Level.WORKING, None),
        (seen(queue=asked(QueueStats(inflight=1))), Level.WORKING, None),
        (seen(queue=asked(QueueStats(ready=3))), Level.WARN, "No worker is alive, and batches wait: {n}"),
        (seen(Totals(read=10, written=9)), Level.BAD, "The books do not balance: run dcp verify"),
        (seen(Totals(read=10, dead=10)), Level.WARN, "Records in dead batches: {n}"),
        (
            seen(Totals(read=10, dead=10), expected=(Expected("maxRejected", False, "1 held"),), held=(HELD,)),
            Level.WARN,
            "Objects that are held for a person: {n}",
        ),
        (seen(Totals(read=12, dead=12), held=(HELD,)), Level.WARN, "Records in dead batches: {n}"),
        (seen(objects={ObjectState.UNAVAILABLE: 2}), Level.WARN, "Objects that could not be read whole: {n}"),
        (seen(queue=asked(QueueStats(), sources={"s": "404"})), Level.BAD, "Source {source} cannot be read"),
        (seen(queue=asked(QueueStats(), labels={"s": "new: x"})), Level.WARN, "The labels of {source} have changed"),
        (seen(expected=(Expected("records", True, "4"),)), Level.IDLE, None),
        (seen(expected=(Expected("records", False, "4"),)), Level.WARN, "Fewer records come than are expected"),
        (seen(expected=(Expected("maxRejected", False, "9%"),)), Level.WARN, "More is rejected than is expected"),
        (
            seen(expected=(Expected("newDataWithin/a", True, ""), Expected("newDataWithin/b/c", False, "2 d"))),
            Level.WARN,
            "Source {source} has gone quiet",
        ),
        (seen(queue=asked(QueueStats(), sink="full")), Level.BAD, "The sink is not available"),
    ],
)
def test_a_pipeline_is_judged_by_what_is_worst(snapshot: Snapshot | None, level: Level, said: str | None) -> None:
    verdict = judge(snapshot)
    assert verdict.level is level
    assert [each.text for each in verdict.remarks][:1] == ([said] if said else [])


def test_a_calendar_marks_the_days_between_the_first_and_today_on_which_nothing_came() -> None:
    today = date(2026, 11, 29)
    records = {today - timedelta(days=each): 100 for each in (1, 2, 4, 9)}
    days = Days("said", today - timedelta(days=40), today, today - timedelta(days=9), records, ("Mon", "Wed", "Fri"))
    svg = draw_days(days, lambda day, count: f"{day}: {count}")
    assert svg.count('class="nothing"') == 5
    assert svg.count("<title>") == 41
    assert f"<title>{today}: 0</title>" in svg


@pytest.mark.parametrize(
    ("totals", "said"),
    [
        (Totals(read=10, written=10), "The books balance."),
        (Totals(read=10, written=6, pending=4), "so far"),
        (Totals(read=10, written=9), "do not balance: run dcp verify"),
        (Totals(read=10, written=2, dead=8), "do not balance: all is counted"),
        (Totals(read=10, written=2, dead=4, pending=4), "do not balance: all is counted"),
        (Totals(read=10, written=10, objects={ObjectState.UNAVAILABLE: 1}), "do not balance: all is counted"),
        (Totals(read=10, written=10, objects={ObjectState.HISTORY: 1}), "The books balance."),
    ],
)
def test_the_page_says_of_the_books_what_verify_says(totals: Totals, said: str) -> None:
    assert said in books_said(totals)
    assert (books_said(totals) == "The books balance.") is totals.complete
