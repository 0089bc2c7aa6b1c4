"""Rules and dashboards as files: made by their script, each alert with a runbook, each query of metrics that there are."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client import CollectorRegistry

from dcp_fetcher.gauges import gauges_of
from dcp_fetcher.ground.progress import Progress
from dcp_operator.cluster.store import Store
from dcp_operator.forgetting.waits import DeletionWaits
from dcp_operator.ground.kinds import DEPLOYMENT
from dcp_operator.ground.names import FINALIZER, PipelineKey
from dcp_operator.status.condition_gauges import ConditionGauges
from dcp_operator.status.metrics import Metrics as OperatorMetrics
from dcp_operator.tasks.waits import NotBegun
from dcp_pipeline.ledger.looking.arrivals import Arrivals
from dcp_pipeline.ledger.looking.expectations import Verdict
from dcp_pipeline.ledger.looking.sight import Sight
from dcp_pipeline.ledger.model import ObjectState
from dcp_pipeline.observe.gauges import ledger_gauges, queue_gauges
from dcp_pipeline.observe.lookout import Lookout
from dcp_pipeline.observe.metrics import Metrics
from dcp_pipeline.queue.model import QueueStats
from dcp_pipeline.spec.wanted_labels import LabelsFound
from support.pipelines import resource

ROOT = Path(__file__).parents[3]
MONITORING = ROOT / "monitoring"
RULES = sorted((MONITORING / "rules").glob("*.yaml"))
DASHBOARDS = sorted((MONITORING / "dashboards").glob("*.json"))
ALERTS = [rule for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]
OF_PODS = {"pod", "instance", "namespace", "le"}
"""Labels that Prometheus or its histograms bring."""


class Stats:
    def stats(self) -> QueueStats:
        return QueueStats()


def waits(reason: str) -> dict[str, str]:
    at = "2026-11-29T00:00:00Z"
    return {"type": "Complete", "status": "False", "reason": reason, "message": "", "lastTransitionTime": at}


def deleted(pipeline: dict[str, Any]) -> dict[str, Any]:
    marks = {"deletionTimestamp": "2026-11-29T00:00:00Z", "finalizers": [FINALIZER]}
    return pipeline | {"metadata": pipeline["metadata"] | marks}


def exposed() -> dict[str, set[str]]:
    """Metric -> its labels, of a pipeline's processes and the operator's."""
    progress = Progress()
    progress.looked("s", 1, None)
    progress.labels("s", LabelsFound(missing=("a",)))
    now = datetime(2026, 11, 29)
    seen = Sight(Arrivals(now, now, {"s": now}, 1), (Verdict("records", True, ""),), dict.fromkeys(ObjectState, 1))
    lookout = Lookout(lambda: seen)
    lookout.run_once()
    metrics = Metrics("a/b")
    for read in (lambda: gauges_of(progress.snapshot()), queue_gauges(Stats()), ledger_gauges(lookout)):
        metrics.add_gauges(read)
    operator, key, store = OperatorMetrics(), PipelineKey("n", "p"), Store()
    operator.failed(key, "0")
    operator.error("x", ValueError())
    operator.wrote("apply", DEPLOYMENT)
    operator.asked("get", "200", 0.1)
    operator.refused(key, DEPLOYMENT, 403)
    operator.unseen("n", DEPLOYMENT, True)
    operator.leads(True)
    operator.scaling(key, 1, 1, 1, "Backlog")
    store.put_pipeline(resource() | {"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    operator.registry.register(ConditionGauges(store, lambda: True))
    operator.registry.register(ConditionGauges(store, lambda: True, "task"))
    tasks = Store()
    tasks.put_pipeline(resource() | {"status": {"conditions": [waits("NotStarting")]}})
    operator.registry.register(NotBegun(tasks, lambda: True))
    operator.left_behind(key)
    going = Store()
    going.put_pipeline(deleted(resource()))
    operator.registry.register(DeletionWaits(going, lambda: True))
    found: dict[str, set[str]] = {}
    for registry in (metrics.registry, operator.registry):
        for name, labels in samples_of(registry):
            found.setdefault(name, set()).update(labels)
    return found


def samples_of(registry: CollectorRegistry) -> Iterator[tuple[str, set[str]]]:
    for family in registry.collect():
        for sample in family.samples:
            yield sample.name, set(sample.labels)


EXPOSED = exposed()


def selectors(expression: Any) -> Iterator[Any]:
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    for name in ("lhs", "rhs", "expr", "vector_selector", "param", "vs"):
        if (part := getattr(expression, name, None)) is not None:
            yield from selectors(part)
    for each in getattr(expression, "args", None) or ():
        yield from selectors(each)


def queries() -> Iterator[tuple[str, str]]:
    for rule in ALERTS:
        yield rule["alert"], rule["expr"]
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", target["expr"]


QUERIES = list(queries())


@pytest.mark.parametrize(("where", "query"), QUERIES, ids=[f"{where}-{n}" for n, (where, _) in enumerate(QUERIES)])
def test_a_query_asks_for_what_is_exposed(where: str, query: str) -> None:
    text = query.replace("$__rate_interval", "5m").replace("$pipeline", "a/b")
    asked = list(selectors(promql_parser.parse(text)))
    assert asked, text
    assert len(asked) == len(re.findall(r"\b(?:dcp|process)_\w+", text)), "a selector is not found in the parsed query"
    for each in asked:
        assert each.name in EXPOSED, each.name
        unknown = {matcher.name for matcher in each.matchers.matchers} - EXPOSED[each.name]
        assert unknown == set(), f"{each.name} has no such labels"
    used = {name.strip() for group in re.findall(r"\bby \(([^)]*)\)", text) for name in group.split(",")}
    assert used - OF_PODS <= set().union(*(EXPOSED[each.name] for each in asked)), text


def test_every_metric_of_ours_is_looked_at_by_somebody() -> None:
    """What nobody asks for is listed here."""

    def plain(names: Iterable[str]) -> set[str]:
        return {re.sub(r"_(bucket|sum|count|created|total)$", "", name) for name in names if name.startswith("dcp_")}

    asked = plain(name for _, query in QUERIES for name in re.findall(r"\bdcp_\w+", query))
    assert plain(EXPOSED) - asked == {
        "dcp_fetcher_objects", "dcp_fetcher_cut_records", "dcp_source_last_new_data_timestamp_seconds",
    }  # fmt: skip


@pytest.mark.parametrize("rule", ALERTS, ids=[each["alert"] for each in ALERTS])
def test_an_alert_has_a_runbook_a_grade_and_a_test_of_its_own(rule: Mapping[str, Any]) -> None:
    name = rule["alert"]
    page = (ROOT / "docs/alerts.md").read_text()
    section = re.search(rf"^## {name}\n\n(.+)", page, re.M)
    assert section is not None, f"docs/alerts.md has no section {name}"
    assert rule["annotations"]["runbook_url"] == f"docs/alerts.md#{name.lower()}"
    assert rule["labels"]["severity"] in ("info", "warning", "critical")
    named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    grouped = {each.strip() for group in re.findall(r"\bby \(([^)]*)\)", rule["expr"]) for each in group.split(",")}
    assert named <= grouped
    tests = yaml.safe_load((MONITORING / "tests.yaml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"] if case["alertname"] == name]
    assert any(case["exp_alerts"] for case in cases), "no test has it fire"


def test_the_page_has_no_runbook_of_an_alert_that_is_gone() -> None:
    named = re.findall(r"^## (Dcp\w+)$", (ROOT / "docs/alerts.md").read_text(), re.M)
    assert sorted(named) == sorted(rule["alert"] for rule in ALERTS)


def test_the_files_are_as_their_script_makes_them() -> None:
    made = runpy.run_path(str(ROOT / "scripts/make_dashboards.py"))["files"]()
    assert [path for path, text in made.items() if path.read_text() != text] == [], "run scripts/make_dashboards.py"
    assert {path.stem for path in DASHBOARDS} == {"fleet", "pipeline", "operator"}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_s_panels_do_not_lie_on_each_other(path: Path) -> None:
    cells: set[tuple[int, int]] = set()
    for panel in json.loads(path.read_text())["panels"]:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & own, panel["title"]
        assert max(x for x, _ in own) < 24
        cells |= own


def test_conditions_are_told_by_the_replica_that_writes_them_and_of_any_shape() -> None:
    store = Store()
    odd = [{"type": "Ready", "status": "False"}, {"type": "Expected", "status": "Unknown"}, {}]
    store.put_pipeline(resource() | {"status": {"conditions": odd}})
    store.put_pipeline(resource(name="new") | {"status": None})

    def told(leading: bool) -> dict[str, float]:
        (family,) = ConditionGauges(store, lambda: leading).collect()
        return {sample.labels["type"]: sample.value for sample in family.samples}

    assert told(True) == {"Ready": 0.0, "Expected": -1.0, "None": -1.0}
    assert told(False) == {}


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("NotStarting", True),
        ("Starting", True),
        ("PipelineMissing", True),
        ("SecretMissing", True),
        ("ChildRejected", True),
        ("WaitingForItsTurn", False),
        ("Running", False),
        ("Scheduled", False),
        ("Suspended", False),
        ("Completed", False),
        ("JobDeleted", False),
    ],
)
def test_a_task_that_is_wanted_and_has_not_begun_is_told(reason: str, told: bool) -> None:
    tasks = Store()
    tasks.put_pipeline(resource(name="backup") | {"status": {"conditions": [waits(reason)]}})
    tasks.put_pipeline(resource(name="new"))
    (family,) = NotBegun(tasks, lambda: True).collect()
    assert [(each.labels, each.value) for each in family.samples] == (
        [({"namespace": "feeds", "task": "backup", "reason": reason}, 1.0)] if told else []
    )
    (family,) = NotBegun(tasks, lambda: False).collect()
    assert family.samples == []
