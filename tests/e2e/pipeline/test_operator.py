"""The operator killed in the middle of things converges, from whatever it finds when it comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from e2e.operator.kube import CHILDREN
from e2e.support.botnet import INSTANCE, NAME, resource
from e2e.support.stage import Stage, wait_for


def exists(kind: str, name: str) -> Callable[[Stage], Any]:
    return lambda stage: stage.kube.get(kind, name)


@pytest.mark.parametrize(
    "moment",
    [
        lambda stage: True,
        lambda stage: stage.kube.list("ConfigMap", INSTANCE),
        exists("Deployment", f"{NAME}-fetcher"),
        exists("Deployment", f"{NAME}-worker"),
    ],
    ids=["at once", "config", "fetcher", "workers"],
)
def test_a_pipeline_comes_up_whose_operator_was_killed_while_making_it(
    stage: Stage, moment: Callable[[Stage], Any]
) -> None:
    wait_for(lambda: stage.operator_is_ready(), "the operator of before")
    stage.kube.apply(resource(stage.kube.namespace, scaling={"minReplicas": 1, "maxReplicas": 1}))
    wait_for(lambda: moment(stage), "the moment")
    stage.kill_operator()
    wait_for(lambda: stage.condition("Ready").get("status") == "True", "the pipeline to be ready", 60)
    wait_for(lambda: len(stage.ready_workers()) == 1, "its worker", 60)
    stage.kube.delete("DataCleaningPipeline", NAME)
    stage.kill_operator()
    wait_for(lambda: not any(stage.kube.list(kind, INSTANCE) for kind in CHILDREN), "its children to be gone", 60)


def test_what_happened_while_there_was_no_operator_is_made_good(stage: Stage) -> None:
    wait_for(lambda: stage.operator_is_ready(), "the operator of before")
    stage.start(resource(stage.kube.namespace))
    stage.run_operators(0)
    for each in stage.kube.list("ConfigMap", INSTANCE):
        stage.kube.delete("ConfigMap", each["metadata"]["name"])
    stage.kube.delete("Deployment", f"{NAME}-worker")
    container = {"name": "fetcher", "image": "elsewhere/fetcher:none"}
    template = {"spec": {"template": {"spec": {"containers": [container]}}}}
    stage.kube.apply(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": f"{NAME}-fetcher"}, **template},
        manager="by-hand",
    )
    change = {"spec": {"worker": {"concurrency": 3}}}
    stage.kube.patch("DataCleaningPipeline", NAME, change)
    stage.run_operators(1)
    wait_for(lambda: '"concurrency":3' in spec_of(stage), "the pods' spec to be the new one")
    wait_for(lambda: stage.replicas() == 0, "the workers' Deployment")
    wait_for(lambda: image_of(stage) != container["image"], "the fetcher's own image")
    wait_for(lambda: stage.condition("Ready").get("status") == "True", "the pipeline to be ready", 60)


def spec_of(stage: Stage) -> str:
    return " ".join(each["data"]["pipeline.json"] for each in stage.kube.list("ConfigMap", INSTANCE))


def image_of(stage: Stage) -> str:
    found = stage.kube.get("Deployment", f"{NAME}-fetcher") or {}
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])
