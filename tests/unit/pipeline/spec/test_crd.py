"""The CRD says the same as the model, teaches, and stays within what an API server takes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dcp_pipeline.spec.kubernetes.crd import custom_resource_definition
from dcp_pipeline.spec.kubernetes.crd_rules import RULES

ROOT = Path(__file__).parents[4]
VERSION = custom_resource_definition()["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]["properties"]


def nodes(schema: dict[str, Any], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield place, schema
    for name, each in schema.get("properties", {}).items():
        yield from nodes(each, f"{place}.{name}".lstrip("."))
    if "items" in schema:
        yield from nodes(schema["items"], f"{place}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from nodes(schema["additionalProperties"], f"{place}.*")


ALL = [*nodes(SCHEMA["spec"], ""), *nodes(SCHEMA["status"], "status")]


FILLED_IN = """
cleaning.enrich[].geoip.cache.size cleaning.enrich[].geoip.cache.ttl cleaning.enrich[].geoip.database.refresh
cleaning.fields[].bareNumber cleaning.fields[].compute.join.separator cleaning.fields[].constraints.required
cleaning.fields[].decimalChar cleaning.fields[].precision cleaning.fields[].scale cleaning.fields[].stored
cleaning.fields[].timezone cleaning.fields[].type cleaning.labels expect.records.per expect.unusual
expect.whenRejected fetcher.batch.maxBytes fetcher.batch.maxRecords notify[].again notify[].email.smtp.security
paused queue.lease queue.maxBytes queue.redis.tls.enabled queue.redis.tls.insecureSkipVerify rotation
scaling.behavior.scaleDown.selectPolicy scaling.behavior.scaleDown.tolerance
scaling.behavior.scaleUp.selectPolicy scaling.behavior.scaleUp.tolerance scaling.cooldown scaling.engine
scaling.fallback.replicas scaling.maxCommitTime scaling.maxReplicas scaling.minReplicas sink.sql.tls.enabled
sink.sql.tls.insecureSkipVerify sources[].decompression.maxBytes sources[].decompression.maxRatio
sources[].file.growth sources[].file.interval sources[].format.blankRows sources[].format.commentedHeader
sources[].format.concatenated sources[].format.doubleQuote sources[].format.encoding sources[].format.extraCells
sources[].format.header sources[].format.lenientQuotes sources[].format.maxRecordBytes
sources[].format.missingCells sources[].format.skipInitialSpace sources[].format.skipRows sources[].format.type
sources[].http.growth sources[].http.interval sources[].http.timeout sources[].http.tls.enabled
sources[].http.tls.insecureSkipVerify sources[].partial sources[].priority state worker.batchTimeout
worker.concurrency worker.maxAttempts worker.maxCrashes worker.progressInterval worker.retryDelay
worker.taskTimeout worker.taskTtl
"""
"""What the API server has filled in since the first release that people may have. Nothing is to be added here."""


def test_a_new_field_is_not_filled_in_by_the_api_server() -> None:
    """An operator of the former release, which still works while the CRD is the new one, knows it not and would refuse
    every pipeline (docs/adr/0155): name it in crd.py's _WITHOUT_DEFAULT."""
    assert [place for place, node in ALL if "default" in node and place not in ("status", *FILLED_IN.split())] == []


def test_every_field_is_described() -> None:
    silent = [place for place, node in ALL if not node.get("description") and not place.endswith(("[]", ".*"))]
    assert silent == []


def test_every_list_and_every_string_has_a_limit() -> None:
    unlimited = [
        place
        for place, node in ALL
        if (node.get("type") == "array" and "maxItems" not in node)
        or (node.get("type") == "string" and "enum" not in node and "maxLength" not in node)
    ]
    assert unlimited == []


def test_every_rule_stands_at_a_place_that_there_is() -> None:
    placed = {place for place, node in ALL if "x-kubernetes-validations" in node}
    assert placed == set(RULES)


def test_nothing_is_left_that_a_structural_schema_must_not_have() -> None:
    for place, node in ALL:
        assert not {"$ref", "anyOf", "oneOf", "title"} & node.keys(), place
        assert node.get("additionalProperties") is not False, place
        untyped = node.get("x-kubernetes-preserve-unknown-fields") or node.get("x-kubernetes-int-or-string")
        assert isinstance(node.get("type"), str) or untyped, place
        # The status says "not seen yet" from the moment of creation: the one default that is an object, and meant.
        assert place == "status" or not isinstance(node.get("default"), (dict, list, tuple)), place


def test_sources_and_fields_are_lists_by_name() -> None:
    by_place = dict(ALL)
    for place in ("sources", "cleaning.fields"):
        assert by_place[place]["x-kubernetes-list-map-keys"] == ["name"]


@pytest.mark.parametrize(
    ("place", "word"),
    [
        ("", "spec.queue.name is immutable"),
        ("sink.sql", "the database is immutable"),
        ("sink.sql", "the table is immutable"),
        ("sink.sql", "must not hold the password"),
        ("sources[]", "exactly one of http and file"),
        ("scaling", "minReplicas is above maxReplicas"),
        ("scaling", "drainWithin is not for engine keda"),
    ],
)
def test_the_rules_that_people_meet_are_there(place: str, word: str) -> None:
    assert any(word in rule.message for rule in RULES[place])


def test_the_columns_show_what_one_asks_first() -> None:
    names = [each["name"] for each in VERSION["additionalPrinterColumns"]]
    assert names == ["Ready", "Backlog", "Workers", "Rows", "Rejected", "Age", "Reason"]
    assert VERSION["subresources"]["scale"]["specReplicasPath"] == ".spec.scaling.minReplicas"


def test_the_earlier_version_has_the_same_words() -> None:
    present, earlier = custom_resource_definition()["spec"]["versions"]
    assert (present["name"], earlier["name"]) == ("v1beta1", "v1alpha1")
    assert earlier["deprecated"] is True
    assert "write datacleaning.io/v1beta1" in earlier["deprecationWarning"]

    def words(schema: Any, at: str = "") -> set[str]:
        below = schema.get("properties", {}) if isinstance(schema, dict) else {}
        inner = schema.get("items") if isinstance(schema, dict) else None
        return {f"{at}.{name}" for name in below} | set().union(
            *(words(each, f"{at}.{name}") for name, each in below.items()), words(inner, f"{at}[]") if inner else set()
        )

    have = [words(each["schema"]["openAPIV3Schema"]) for each in (present, earlier)]
    spelled_out = {
        each
        for each in have[0]
        if ".podTemplate." in each or ".worker.resources." in each or ".fetcher.resources." in each
    }
    assert have[0] - spelled_out == have[1]
    assert ".spec.sink.sql.retention" in have[1]


def test_the_file_in_the_repository_is_up_to_date() -> None:
    made = subprocess.run([sys.executable, ROOT / "scripts" / "make_crd.py", "--check"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr


def test_what_is_added_to_a_pod_is_described_word_by_word_and_defaulted_nowhere() -> None:
    by_place = dict(ALL)
    for component in ("fetcher", "worker"):
        inside = {
            place: node
            for place, node in ALL
            if place.startswith((f"{component}.podTemplate", f"{component}.resources"))
        }
        assert len(inside) > 300
        free = [place for place, node in inside.items() if node.get("x-kubernetes-preserve-unknown-fields")]
        assert free == [f"{component}.podTemplate.volumes[].ephemeral.volumeClaimTemplate"]
        assert not [place for place, node in inside.items() if "default" in node], "it would be stored, and roll pods"
        assert not [
            place for place, node in inside.items() if not place.endswith(("[]", "*")) and not node.get("description")
        ]
    assert "hostPath" not in by_place["worker.podTemplate.volumes[]"]["properties"]
    assert by_place["worker.podTemplate.containers[].securityContext.privileged"]["enum"] == [False]
    assert by_place["worker.resources.limits.*"]["x-kubernetes-int-or-string"] is True


def test_the_crd_fits_into_the_annotation_of_a_client_side_apply() -> None:
    assert len(json.dumps(custom_resource_definition())) < 262_144
