"""Values of a look that are the very same as long as the replies are, and only where time changes nothing of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from dcp_operator.scaling.looking import looked
from dcp_operator.scaling.resp import Refused, Said
from dcp_pipeline.observe.report import Report
from dcp_pipeline.queue.model import WorkerVitals

TIME = (1000, 0)
STATS = [0, 0, 0, 0, 0, 0, 0, 7]


def report(at: float) -> list[bytes]:
    return [b"fetcher", msgspec.json.encode(Report(at=at))]


def said(stats: Any = STATS, reports: Any = (), beats: Any = (), vitals: Any = ()) -> list[Said]:
    return [Said(b"", each if isinstance(each, Refused) else list(each)) for each in (stats, reports, beats, vitals)]


def test_the_samereplies_of_are_the_same_look() -> None:
    first = looked(None, TIME, said(reports=report(1)))
    assert first.seen.stats is not None
    assert first.seen.stats.done == 7
    assert looked(first, (2000, 0), list(first.said)) is first


def test_a_new_report_changes_the_reports_alone() -> None:
    first = looked(None, TIME, said(reports=report(1)))
    now = looked(first, TIME, [first.said[0], Said(b"", report(2)), *first.said[2:]])
    assert now.seen.stats is first.seen.stats
    assert now.seen.reports["fetcher"].at == 2
    odd = looked(first, TIME, [first.said[0], Said(b"", Refused("WRONGTYPE")), *first.said[2:]])
    assert odd.seen.stats is None
    assert odd.seen.error == "the server refuses: WRONGTYPE"
    assert looked(odd, TIME, list(first.said)).seen.stats == first.seen.stats


def test_other_counts_are_another_look() -> None:
    first = looked(None, TIME, said())
    now = looked(first, TIME, [Said(b"", [3, *STATS[1:]]), *first.said[1:]])
    assert now.seen.stats is not None
    assert now.seen.stats.backlog == 3


def test_workers_die_by_the_clock_though_not_a_byte_has_changed() -> None:
    vitals = WorkerVitals(datetime(2026, 1, 1, tzinfo=UTC), 0, 0, 0.0, 0, False, "host", 1)
    first = looked(None, TIME, said(beats=[b"w0", b"1005000"], vitals=[b"w0", msgspec.json.encode(vitals)]))
    assert [each.worker for each in first.seen.workers] == ["w0"]
    assert looked(first, (1004, 0), list(first.said)).seen.workers == first.seen.workers
    later = looked(first, (1006, 0), list(first.said))
    assert later.seen.workers == ()
    assert looked(later, (1007, 0), list(first.said)) is later, "who is dead stays dead"
