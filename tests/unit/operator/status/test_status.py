"""Conditions and counts from what was observed, and when they are worth a write."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dcp_operator.children.judge import Refusal
from dcp_operator.scaling.commit_times import CommitTimes
from dcp_operator.scaling.scaled import Scaled
from dcp_operator.scaling.scaler import news_of as news_of_scaled
from dcp_operator.status.news import news_of
from dcp_operator.status.seen import DeploymentSeen, Observed, QueueSeen, deployment_seen
from dcp_operator.status.status import due_in, status_of
from dcp_pipeline.observe.report import Expectation, Report, Totals
from dcp_pipeline.queue.model import QueueStats
from dcp_pipeline.spec.kubernetes.status import Condition, Status, from_document, to_document

NOW = datetime(2026, 10, 5, 12, 0, tzinfo=UTC)
TOTALS = Totals(read=10, written=5, duplicates=2, rejected=1, filtered=0, dead=0, pending=2)
REPORT = Report(at=NOW.timestamp(), totals=TOTALS, sources={"sinkhole": None})
UP = DeploymentSeen(wanted=1, replicas=1, ready=1, updated=1, settled=True, failure=None)
NONE = DeploymentSeen(wanted=0, replicas=0, ready=0, updated=0, settled=True, failure=None)
WELL = Observed(
    generation=3,
    refusal=None,
    state="Running",
    fetcher=UP,
    workers=NONE,
    queue=QueueSeen(QueueStats(ready=3, inflight=1, bytes=9), None, {"fetcher": REPORT}),
    scaling_reason="the queue is empty",
    now=NOW,
)


def condition(seen: Observed, name: str, before: Status | None = None) -> Condition:
    return next(each for each in status_of(seen, before, None).conditions if each.type == name)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "see their log"),
        ({"being_made": {"worker": "w-1 has no container yet"}}, "w-1 has no container yet"),
        ({"workers": replace(UP, ready=0, failure="exceeded quota: tight")}, "exceeded quota: tight"),
    ],
    ids=["they run", "being made", "a quota"],
)
def test_why_no_worker_is_ready_is_said_where_it_is_known(changes: dict[str, Any], said: str) -> None:
    seen = replace(WELL, **{"workers": replace(UP, ready=0), "none_ready_seconds": 120.0, **changes})
    assert said in str(seen.no_worker)


def told(**changes: Any) -> QueueSeen:
    report = Report(**{"at": NOW.timestamp(), "totals": TOTALS, "sources": {}, "sink": None, **changes})
    return QueueSeen(QueueStats(), None, {"fetcher": report})


QUIET = Expectation("newDataWithin/sinkhole", False, "3 d 2 h ago; 26h is expected")
FEW = Expectation("records", False, "12 records came in 24h; 1,000 are expected")


def replace_met(each: Expectation) -> Expectation:
    return Expectation(each.about, True, each.reason)


EMPTY = QueueSeen(QueueStats(), None, {"fetcher": REPORT})
AWAY = QueueSeen(None, "ConnectionError: refused", {})


@pytest.mark.parametrize(
    ("changes", "name", "status", "reason"),
    [
        ({}, "Ready", "True", "Running"),
        ({"refusal": Refusal("InvalidSpec", "spec.x")}, "Ready", "False", "InvalidSpec"),
        ({"queue": AWAY}, "Ready", "False", "QueueUnreachable"),
        ({"state": "Draining", "fetcher": NONE}, "Ready", "True", "Draining"),
        ({"state": "Draining", "fetcher": NONE, "queue": EMPTY}, "Ready", "True", "Drained"),
        ({"state": "Draining", "fetcher": NONE, "queue": EMPTY, "workers": UP}, "Ready", "True", "Draining"),
        ({"state": "Stopped", "fetcher": NONE, "workers": UP}, "Ready", "True", "Stopping"),
        ({"state": "Stopped", "fetcher": NONE}, "Ready", "True", "Stopped"),
        ({"held": True}, "Ready", "Unknown", "ReconciliationPaused"),
        ({"held": True}, "ScalingActive", "False", "ReconciliationPaused"),
        ({"held": True, "refusal": Refusal("InvalidSpec", "x")}, "Ready", "False", "InvalidSpec"),
        ({"waiting": True}, "Ready", "True", "Running"),
        ({"waiting": True}, "Progressing", "True", "WaitingForItsTurn"),
        ({"fetcher": replace(UP, ready=0)}, "Ready", "False", "FetcherNotReady"),
        ({"workers": replace(UP, ready=0)}, "Ready", "True", "Running"),
        ({"workers": replace(UP, ready=0), "none_ready_seconds": 119.0}, "Ready", "True", "Running"),
        ({"workers": replace(UP, ready=0), "none_ready_seconds": 119.0}, "Available", "True", "Working"),
        ({"workers": replace(UP, ready=0), "none_ready_seconds": 120.0}, "Ready", "False", "WorkersNotReady"),
        ({"workers": replace(UP, ready=0), "none_ready_seconds": 1e9}, "Available", "False", "WorkersNotReady"),
        ({"workers": replace(UP, ready=0), "none_ready_seconds": 1e9}, "Stalled", "False", "GoesOn"),
        (
            {"workers": replace(UP, ready=0, replicas=0, updated=0), "none_ready_seconds": 120.0},
            "Ready",
            "False",
            "WorkersNotReady",
        ),
        (
            {"workers": replace(UP, ready=0), "none_ready_seconds": 120.0, "state": "Draining"},
            "Ready",
            "False",
            "WorkersNotReady",
        ),
        ({"workers": replace(UP, wanted=3), "none_ready_seconds": 120.0}, "Ready", "True", "Running"),
        ({"workers": NONE, "none_ready_seconds": 120.0}, "Available", "True", "Working"),
        ({"workers": replace(UP, wanted=3, replicas=3, ready=3, updated=1)}, "Ready", "False", "RollingOut"),
        ({"workers": replace(NONE, settled=False)}, "Ready", "False", "RollingOut"),
        ({"fetcher": replace(UP, updated=0)}, "Ready", "False", "RollingOut"),
        ({"workers": replace(UP, ready=0), "trouble": {"worker": "CrashLoopBackOff"}}, "Ready", "False", "PodsFailing"),
        ({"workers": replace(UP, ready=0), "being_made": {"worker": "an image"}}, "Ready", "True", "Running"),
        (
            {"workers": replace(UP, ready=0), "trouble": {"worker": "CrashLoopBackOff"}},
            "Stalled",
            "True",
            "PodsFailing",
        ),
        ({"workers": replace(UP, ready=0), "trouble": {"worker": "x"}}, "Available", "False", "WorkersFailing"),
        ({"trouble": {"worker": "of a pod that nobody wants"}}, "Ready", "True", "Running"),
        ({"refusal": Refusal("InvalidSpec", "spec.x")}, "Available", "True", "Working"),
        ({"refusal": Refusal("InvalidSpec", "spec.x")}, "Stalled", "True", "InvalidSpec"),
        ({"fetcher": replace(UP, updated=0)}, "Reconciling", "True", "RollingOut"),
        ({"workers": replace(UP, wanted=5)}, "Reconciling", "False", "Settled"),
        ({"unseen": {"deployments": 403}}, "ChildrenSeen", "False", "Forbidden"),
        ({"unseen": {"podmonitors": 404}}, "ChildrenSeen", "False", "NotServed"),
        ({"workers": replace(UP, wanted=5)}, "Ready", "True", "Running"),
        ({}, "LabelsAsExpected", "True", "AsExpected"),
        ({"queue": told(labels={"a": None})}, "LabelsAsExpected", "True", "AsExpected"),
        ({"queue": told(labels={"a": "labels that are not there: x"})}, "LabelsAsExpected", "False", "LabelsChanged"),
        ({"queue": told(at=0.0)}, "LabelsAsExpected", "Unknown", "NoReport"),
        ({"state": "Draining"}, "LabelsAsExpected", "Unknown", "Paused"),
        ({}, "Expected", "Unknown", "NotJudged"),
        ({"state": "Draining"}, "Expected", "Unknown", "Paused"),
        ({"queue": told(expected=())}, "Expected", "True", "NothingExpected"),
        ({"queue": told(expected=(QUIET, FEW))}, "Expected", "False", "SeveralNotMet"),
        ({"queue": told(expected=(QUIET, replace_met(FEW)))}, "Expected", "False", "SourceQuiet"),
        ({"queue": told(expected=(replace_met(QUIET), FEW))}, "Expected", "False", "TooFewRecords"),
        ({"queue": told(expected=(Expectation("maxRejected", False, "59%"),))}, "Expected", "False", "TooManyRejects"),
        ({"queue": told(expected=(Expectation("of tomorrow", False, "59%"),))}, "Expected", "False", "NotMet"),
        ({"queue": told(expected=(replace_met(QUIET), replace_met(FEW)))}, "Expected", "True", "AsExpected"),
        ({"queue": told(at=0.0, expected=(QUIET,))}, "Expected", "Unknown", "NoReport"),
        ({}, "Progressing", "False", "Settled"),
        ({"fetcher": replace(UP, settled=False)}, "Progressing", "True", "RollingOut"),
        ({"workers": replace(UP, wanted=5, updated=1)}, "Progressing", "True", "RollingOut"),
        ({"workers": replace(UP, wanted=2, replicas=2, updated=2)}, "Progressing", "True", "Scaling"),
        ({}, "Degraded", "False", "AsExpected"),
        ({"fetcher": replace(UP, failure="quota")}, "Degraded", "True", "PodsFailing"),
        ({"queue": QueueSeen(QueueStats(dead=2), None, {})}, "Degraded", "True", "DeadBatches"),
        ({}, "ScalingActive", "True", "FollowingBacklog"),
        ({"queue": AWAY}, "ScalingActive", "False", "QueueUnreachable"),
        ({"queue": None}, "ScalingActive", "Unknown", "NotYetRead"),
        ({}, "SourcesReachable", "True", "Reachable"),
        ({"queue": told(sources={"a": None, "b": "404"})}, "SourcesReachable", "False", "Unreachable"),
        ({"queue": AWAY}, "SourcesReachable", "Unknown", "NoReport"),
        ({"state": "Draining"}, "SourcesReachable", "Unknown", "Paused"),
        ({"queue": told(at=NOW.timestamp() - 300)}, "SinkReachable", "Unknown", "NoReport"),
        ({"queue": told(sink="access denied")}, "SinkReachable", "False", "Unreachable"),
        ({"queue": told(sink="access denied", sources={})}, "SourcesReachable", "Unknown", "NoReport"),
        ({"queue": told(sink="access denied", sources={})}, "LabelsAsExpected", "Unknown", "NoReport"),
        ({}, "SinkReachable", "True", "Reachable"),
    ],
)
def test_each_condition_says_what_was_seen(changes: dict[str, Any], name: str, status: str, reason: str) -> None:
    found = condition(replace(WELL, **changes), name)
    assert (found.status, found.reason, found.observed_generation) == (status, reason, 3)


def test_a_transition_keeps_its_time_until_the_status_changes() -> None:
    first = status_of(WELL, None, None)
    later = replace(WELL, now=NOW + timedelta(hours=1))
    assert condition(later, "Ready", first).last_transition_time == "2026-10-05T12:00:00Z"
    broken = condition(replace(later, queue=AWAY), "Ready", first)
    assert broken.last_transition_time == "2026-10-05T13:00:00Z"


def test_counts_come_from_the_queue_and_the_report() -> None:
    status = status_of(WELL, None, None)
    assert status.backlog is not None
    assert status.records is not None
    assert (status.backlog.batches, status.backlog.in_flight, status.backlog.bytes) == (4, 1, 9)
    assert (status.records.written, status.records.rejected, status.records.pending) == (5, 1, 2)


def test_what_is_not_known_now_stays_as_last_known() -> None:
    before = status_of(WELL, None, None)
    now = status_of(replace(WELL, queue=AWAY), before, None)
    assert (now.backlog, now.records) == (before.backlog, before.records)


def test_the_latest_report_counts() -> None:
    newer = Report(at=NOW.timestamp() + 5, totals=Totals(**{**_asdict(TOTALS), "written": 7}), sink="away")
    seen = replace(WELL, queue=QueueSeen(QueueStats(), None, {"fetcher": REPORT, "worker": newer}))
    status = status_of(seen, None, None)
    assert status.records is not None
    assert status.records.written == 7
    assert condition(seen, "SinkReachable").message == "away"


def test_nothing_new_is_no_write() -> None:
    before = status_of(WELL, None, None)
    assert due_in(status_of(replace(WELL, now=NOW + timedelta(seconds=5)), before, None), before, 100.0) is None


def test_a_new_condition_is_written_at_once_and_counts_every_ten_seconds() -> None:
    before = status_of(WELL, None, None)
    counted = status_of(replace(WELL, queue=replace_stats(ready=9)), before, None)
    assert due_in(counted, before, 4.0) == 6.0
    assert due_in(counted, before, 11.0) == 0.0
    failed = status_of(replace(WELL, queue=AWAY), before, None)
    assert due_in(failed, before, 0.0) == 0.0
    assert due_in(before, None, 0.0) == 0.0


def test_a_status_survives_the_api() -> None:
    status = status_of(WELL, None, None)
    assert from_document(to_document(status)) == status
    assert from_document({"phase": "of another release"}) is None
    assert from_document(None) is None


def test_a_deployment_is_read_with_what_keeps_its_pods_from_coming_up() -> None:
    conditions = [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"}]
    document = {
        "metadata": {"generation": 2},
        "spec": {"replicas": 3},
        "status": {"observedGeneration": 1, "replicas": 2, "readyReplicas": 1, "updatedReplicas": 2,
                   "conditions": conditions},
    }  # fmt: skip
    assert deployment_seen(document) == DeploymentSeen(3, 2, 1, 2, settled=False, failure="quota")


def replace_stats(**stats: int) -> QueueSeen:
    return QueueSeen(QueueStats(**stats), None, {"fetcher": REPORT})


def _asdict(totals: Totals) -> dict[str, int]:
    return {name: getattr(totals, name) for name in totals.__struct_fields__}


def test_what_is_not_as_expected_is_told_with_its_numbers_and_new_numbers_alone_wait() -> None:
    first = status_of(replace(WELL, queue=told(expected=(QUIET, FEW))), None, None)
    later = Expectation(QUIET.about, False, "3 d 3 h ago; 26h is expected")
    second = status_of(replace(WELL, queue=told(expected=(later, FEW))), first, None)
    message = next(each.message for each in second.conditions if each.type == "Expected")
    assert "newDataWithin/sinkhole: 3 d 3 h ago" in message
    assert "12 records came" in message
    assert due_in(second, first, seconds_since_counts=2.0) == 8.0
    met = status_of(replace(WELL, queue=told(expected=(replace_met(QUIET),))), second, None)
    assert due_in(met, second, seconds_since_counts=0.0) == 0.0


def test_events_are_worth_what_is_expected_once_for_each_change() -> None:
    def news(before: Status | None, *expected: Expectation) -> tuple[list[str], Status]:
        status = status_of(replace(WELL, queue=told(expected=expected)), before, None)
        return [f"{each.kind} {each.reason}" for each in news_of(status, before) if each.action == "Judge"], status

    found, status = news(None, replace_met(QUIET))
    assert found == []
    found, status = news(status, QUIET)
    assert found == ["Warning SourceQuiet"]
    found, status = news(status, Expectation(QUIET.about, False, "3 d 3 h ago"))
    assert found == []
    found, status = news(status, QUIET, FEW)
    assert found == ["Warning SeveralNotMet"]
    found, status = news(status, replace_met(QUIET))
    assert found == ["Normal AsExpected"]


def test_a_change_of_what_the_fetcher_found_is_worth_a_look() -> None:
    """Labels and expectations too: the status waited for the next resync."""

    def scaled(**changes: Any) -> Scaled:
        shown = told(**changes)
        return Scaled(shown, 0.0, CommitTimes(), shown=shown)

    plain = news_of_scaled(scaled(at=1.0))
    assert plain == news_of_scaled(scaled(at=2.0))
    assert plain != news_of_scaled(scaled(expected=(QUIET,)))
    assert plain != news_of_scaled(scaled(labels={"a": "new: x"}))
