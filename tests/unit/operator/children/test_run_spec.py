"""The spec that pods run: all of it that they run, by its digest, without what defaults say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dcp_operator.children.children import Wanted, children_of
from dcp_operator.children.former_specs import former_specs, unread
from dcp_operator.children.plan import Delete, key_of, to_live
from dcp_operator.children.run_spec import spec_name, spec_text
from dcp_operator.ground.kinds import CONFIG_MAP
from dcp_operator.ground.names import Owner
from dcp_operator.ground.settings import PodSettings
from dcp_operator.status.seen import deployment_seen
from dcp_pipeline.spec.model import Pipeline, Scaling
from dcp_pipeline.spec.parse import load_pipeline, parse_pipeline
from support.pipelines import pipeline

BOTNET = load_pipeline(Path(__file__).parents[4] / "examples/botnet.yaml")
RICH = {
    "cleaning": {
        "fields": [
            {"name": "src_ip", "type": "ip"},
            {"name": "n", "type": "integer", "constraints": {"minimum": 0, "enum": ["1", "2"]}},
            {"name": "who", "transforms": ["trim", {"replace": {"pattern": "a", "with": ""}}, {"default": "none"}]},
            {"name": "both", "compute": {"join": {"fields": ["n", "who"], "separator": "-"}}},
        ],
        "filter": [{"drop": {"not": {"field": "who", "equals": "x"}}}],
        "missingValues": [],
        "unique": ["src_ip"],
    },
    "worker": {"concurrency": 64, "batchTimeout": "300s"},
    "expect": {"newDataWithin": "26h"},
}
VERSIONS = {"feed/key": "1", "redis/password": "2", "mariadb/password": "3"}


@pytest.mark.parametrize("written", [pipeline(), BOTNET, pipeline(RICH)], ids=["plain", "botnet", "rich"])
def test_pods_read_what_was_written(written: Pipeline) -> None:
    read = parse_pipeline(spec_text(written))
    spec = msgspec.structs.replace(written.spec, scaling=Scaling())
    assert msgspec.json.encode(read.spec, enc_hook=str) == msgspec.json.encode(spec, enc_hook=str)
    assert (read.key, read.queue_name) == (written.key, written.queue_name)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"paused": True}, True),
        ({"rotation": "Reload"}, True),
        ({"scaling": {"maxReplicas": 3}}, True),
        ({"worker": {"podTemplate": {"labels": {"a": "b"}}, "resources": {"limits": {"cpu": 1}}}}, True),
        ({"worker": {"concurrency": 2}, "queue": {"maxBytes": "256Mi", "lease": "30s"}}, True),
        ({"worker": {"concurrency": 3}}, False),
        ({"queue": {"lease": "31s"}}, False),
        ({"expect": {"maxRejected": "5%"}}, False),
    ],
)
def test_another_name_is_another_run(changes: dict[str, Any], same: bool) -> None:
    """What a release says by default, and what a default's words were written out for, is no change."""
    assert (spec_name(pipeline(changes)) == spec_name(pipeline())) is same


def test_what_is_said_by_default_is_not_written() -> None:
    spec = json.loads(spec_text(pipeline()))["spec"]
    assert spec.keys() == {"sources", "queue", "cleaning", "sink"}
    assert ": " not in spec_text(pipeline())


class Rolled:
    """A pipeline with a changed spec on its way out, as the cluster has it."""

    def __init__(self) -> None:
        self.before, self.wanted = (self._children(changes) for changes in ({}, {"worker": {"maxAttempts": 9}}))
        self.live = {
            key_of(each): to_live(each.kind, self._there(each.document)) for each in (*self.before, *self.wanted)
        }

    def _children(self, changes: dict[str, Any]) -> Any:
        return children_of(
            Wanted(Owner("feeds", "botnet", "uid-1"), pipeline(changes), VERSIONS, PodSettings("f", "w"))
        )

    @staticmethod
    def _there(document: Any, **status: int) -> dict[str, Any]:
        metadata = {**document["metadata"], "uid": document["metadata"]["name"], "resourceVersion": "1"}
        counts = {"replicas": 2, "readyReplicas": 2, "updatedReplicas": 2, **status}
        return {**document, "metadata": metadata, "status": counts}

    @property
    def former(self) -> list[Delete]:
        return former_specs(self.wanted, self.live, "uid-1", lambda each: deployment_seen(each).out)

    def worker(self, which: Any, **status: int) -> None:
        child = which[-1]
        self.live[key_of(child)] = to_live(child.kind, self._there(child.document, **status))


def test_a_former_spec_goes_once_every_pod_is_of_the_present_one() -> None:
    rolled = Rolled()
    assert [each.key.name for each in rolled.former] == [spec_name(pipeline())]


def test_a_former_spec_stays_while_its_pods_may_still_be_made() -> None:
    rolled = Rolled()
    rolled.worker(rolled.wanted, updatedReplicas=1)
    assert rolled.former == []
    rolled.worker(rolled.before)
    assert rolled.former == [], "the Deployment itself is still the former one: it waits, or was refused"
    del rolled.live[key_of(rolled.wanted[-1])]
    assert rolled.former == []


def test_a_former_spec_stays_while_a_pod_that_is_ending_reads_it() -> None:
    rolled = Rolled()
    pods = [
        {
            "spec": {
                "volumes": [
                    {"name": "a", "emptyDir": {}},
                    {"name": "spec", "configMap": {"name": spec_name(pipeline())}},
                ]
            }
        }
    ]
    assert unread(rolled.former, pods) == []
    assert unread(rolled.former, [{"spec": {}}]) == rolled.former


def test_maps_of_others_are_left_alone() -> None:
    rolled = Rolled()
    metadata = {"name": "mine", "namespace": "feeds", "uid": "m", "resourceVersion": "1",
                "labels": {"app.kubernetes.io/instance": "botnet"}}  # fmt: skip
    stranger = to_live(CONFIG_MAP, {"kind": "ConfigMap", "metadata": metadata})
    key = rolled.former[0].key
    rolled.live[type(key)(key.kind, "feeds", "mine")] = stranger
    assert [each.key.name for each in rolled.former] == [spec_name(pipeline())]
