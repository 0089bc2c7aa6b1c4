"""The operator's own metrics: each is told what it wants to hear, and a pipeline that is gone leaves no gauge."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from dcp_operator.ground.kinds import DEPLOYMENT
from dcp_operator.ground.names import PipelineKey
from dcp_operator.status.metrics import FILES, Metrics

FEED = PipelineKey("tenant", "feed")
OTHER = PipelineKey("tenant", "other")


def told(registry: CollectorRegistry, *, of: PipelineKey | None = None) -> dict[str, float]:
    """Our samples that are not 0, by name and the labels but the pipeline's; which release runs left out."""
    return {
        each.name.removeprefix("dcp_operator_")
        + "".join(
            f" {value}" for label, value in each.labels.items() if label not in ("namespace", "pipeline", "le")
        ): each.value
        for family in registry.collect()
        for each in family.samples
        if each.name.startswith("dcp_operator_")
        and not each.name.endswith(("_bucket", "_created", "_info"))
        and each.value
        if of is None or each.labels.get("pipeline") == of.name
    }


def test_each_hears_what_it_counts() -> None:
    metrics = Metrics()
    metrics.reconciled(2.0)
    metrics.looked(0.5)
    metrics.failed(FEED, "409")
    metrics.error("scaler", TimeoutError())
    metrics.wrote("patch", DEPLOYMENT)
    metrics.asked("get", "200", 0.25)
    metrics.refused(FEED, DEPLOYMENT, 422)
    metrics.leads(True)
    assert told(metrics.registry) == {
        "reconcile_seconds_count": 1.0,
        "reconcile_seconds_sum": 2.0,
        "look_seconds_count": 1.0,
        "look_seconds_sum": 0.5,
        "reconcile_failures_total 409": 1.0,
        "errors_total scaler TimeoutError": 1.0,
        "api_writes_total patch Deployment": 1.0,
        "api_seconds_count get 200": 1.0,
        "api_seconds_sum get 200": 0.25,
        "refusals_total Deployment 422": 1.0,
        "leading": 1.0,
    }


def test_what_cannot_be_seen_is_named_as_long_as_it_cannot() -> None:
    metrics = Metrics()
    metrics.unseen("tenant", DEPLOYMENT, False)
    metrics.unseen(None, DEPLOYMENT, True)
    assert told(metrics.registry) == {"unseen deployments": 1.0}
    metrics.unseen(None, DEPLOYMENT, False)
    assert told(metrics.registry) == {}


def test_one_cause_holds_at_a_time() -> None:
    metrics = Metrics()
    metrics.scaling(FEED, 40, 3, 1, "Backlog")
    metrics.scaling(FEED, 41, 4, 3, "Capped")
    assert told(metrics.registry, of=FEED) == {
        "backlog_batches": 41.0,
        "workers_wanted": 4.0,
        "workers": 3.0,
        "scaling_cause Capped": 1.0,
    }


def test_a_queue_that_was_not_read_leaves_the_backlog_as_it_was_and_wants_what_there_is() -> None:
    metrics = Metrics()
    metrics.scaling(FEED, 7, 2, 2, "Backlog")
    metrics.scaling(FEED, None, None, 5, "Unread")
    assert told(metrics.registry, of=FEED) == {
        "backlog_batches": 7.0,
        "workers_wanted": 5.0,
        "workers": 5.0,
        "scaling_cause Unread": 1.0,
    }


def test_a_pipeline_that_is_gone_takes_its_own_gauges_with_it() -> None:
    metrics = Metrics()
    metrics.scaling(FEED, 7, 2, 2, "Backlog")
    metrics.scaling(OTHER, 1, 1, 1, "Steady")
    metrics.forget(FEED)
    assert told(metrics.registry, of=FEED) == {}
    assert told(metrics.registry, of=OTHER)["scaling_cause Steady"] == 1.0


def test_a_pipeline_whose_queue_was_never_read_can_go_too() -> None:
    metrics = Metrics()
    metrics.scaling(FEED, None, None, 1, "Unread")
    metrics.forget(FEED)
    metrics.forget(OTHER)
    assert told(metrics.registry) == {}


def test_every_listed_metric_tells_what_its_file_is_called() -> None:
    names = {family.name for family in Metrics().registry.collect()}
    assert {f"dcp_operator_{name}" for name in FILES} <= names
