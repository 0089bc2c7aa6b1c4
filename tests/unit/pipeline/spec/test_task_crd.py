"""The tasks' CRD says what the model says, and is bounded and described as the pipelines' is."""

from __future__ import annotations

from typing import Any

import pytest

from dcp_pipeline.spec.errors import SpecInvalid
from dcp_pipeline.spec.kubernetes.task.crd import RULES, task_definition
from dcp_pipeline.spec.kubernetes.task.model import ALL, task_of

VERSION = task_definition()["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]["properties"]


def nodes(schema: dict[str, Any], place: str = "") -> list[tuple[str, dict[str, Any]]]:
    below = [(f"{place}.{name}", each) for name, each in schema.get("properties", {}).items()]
    below += [(f"{place}[]", schema["items"])] if "items" in schema else []
    return [(place, schema), *(found for name, each in below for found in nodes(each, name))]


EVERY = [*nodes(SCHEMA["spec"]), *nodes(SCHEMA["status"], "status")]


def test_every_field_is_described_and_every_list_and_string_has_a_limit() -> None:
    for place, node in EVERY:
        assert node.get("description") or place.endswith("[]"), place
        assert node.get("type") != "array" or "maxItems" in node, place
        assert node.get("type") != "string" or "enum" in node or "maxLength" in node, place


def test_rules_stand_where_they_are_to() -> None:
    placed = {place.lstrip(".") for place, node in EVERY if "x-kubernetes-validations" in node}
    assert placed == set(RULES)
    assert all(f"has(self.{each})" in RULES[""][0].expression for each in ALL)


def test_the_columns_are_of_what_is_in_the_status() -> None:
    assert [each["name"] for each in VERSION["additionalPrinterColumns"]][:5] == [
        "Pipeline", "Task", "Status", "Result", "Age",
    ]  # fmt: skip
    for each in VERSION["additionalPrinterColumns"]:
        first, second = each["jsonPath"].split(".")[1:3]
        assert first == "metadata" or second.partition("[")[0] in SCHEMA[first]["properties"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, "exactly one of"),
        ({"verify": {}, "backup": {"claimName": "c"}}, "exactly one of"),
        ({"requeue": {"all": True, "batches": ["a"]}}, "all: true, or batches"),
        ({"requeue": {"batches": ["--all"]}}, "batches"),
        ({"restore": {"claimName": "c", "file": "f"}, "schedule": "@daily"}, "a backup is put back once"),
        ({"restore": {"claimName": "c", "file": "../../etc/passwd"}}, "file"),
        ({"backup": {}}, "claimName"),
        ({"verify": {}, "timeZone": "UTC"}, "are for a schedule"),
        ({"verify": {}, "schedule": "every day"}, "schedule"),
        ({"verify": {"since": "soon"}}, "soon"),
    ],
)
def test_what_makes_no_sense_is_named(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecInvalid, match=said):
        task_of({"spec": {"pipelineRef": {"name": "p"}, **spec}})
