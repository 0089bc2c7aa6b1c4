"""The published JSON Schema says the same as the parser."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from dcp_pipeline.spec.model import Pipeline
from dcp_pipeline.spec.parse import load_pipeline
from dcp_pipeline.spec.revision import revision_from, revision_of
from dcp_pipeline.spec.schema import Schema, json_schema
from dcp_pipeline.spec.units import Duration, Quantity

EXAMPLE = Path(__file__).parents[4] / "examples" / "botnet.yaml"


def test_the_schema_is_a_valid_one_and_accepts_the_example() -> None:
    Draft202012Validator.check_schema(json_schema())
    Draft202012Validator(json_schema()).validate(yaml.safe_load(EXAMPLE.read_text()))


def test_every_field_teaches() -> None:
    def silent(schema: Schema, path: str) -> list[str]:
        found = []
        for name, each in schema.get("properties", {}).items():
            if not each.get("description"):
                found.append(f"{path}.{name}")
            found += silent(each, f"{path}.{name}") + silent(each.get("items", {}), f"{path}.{name}[]")
        return found

    assert silent(json_schema()["properties"]["spec"], "spec") == []


def test_the_schema_is_structural() -> None:
    def untyped(node: object, path: str = "") -> list[str]:
        if not isinstance(node, dict):
            return []
        here = [path] if {"$ref", "anyOf", "oneOf"} & node.keys() else []
        return here + [
            bad for key in ("properties", "items") for bad in
            ([b for name, each in node.get(key, {}).items() for b in untyped(each, f"{path}.{name}")]
             if key == "properties" else untyped(node.get(key), path + "[]"))
        ]  # fmt: skip

    assert untyped(json_schema()) == []


def test_a_revision_survives_its_own_document() -> None:
    pipeline: Pipeline = load_pipeline(EXAMPLE)
    digest, document = revision_of(pipeline, "sinkhole")
    assert revision_from(document).cleaning == pipeline.spec.cleaning
    assert revision_of(load_pipeline(EXAMPLE), "sinkhole")[0] == digest


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1h30m", 5400), ("250ms", 0.25), ("1.5h", 5400), ("0s", 0)]
)
def test_durations_are_read_as_go_writes_them(text: str, seconds: float) -> None:
    assert Duration(text).seconds == seconds


@pytest.mark.parametrize("text", ["", "5", "5 s", "-5s", "5w", "s", "5m\n"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        Duration(text)


@pytest.mark.parametrize(
    ("text", "amount"), [("1", 1), ("1k", 1000), ("1Ki", 1024), ("1.5Mi", 1572864), ("256Mi", 2**28), ("2G", 2 * 10**9)]
)
def test_quantities_are_read_as_kubernetes_writes_them(text: str, amount: int) -> None:
    assert Quantity(text).bytes == amount


@pytest.mark.parametrize("text", ["", "1MB", "-1", "Mi", "1e3", "1Gi\n"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        Quantity(text)


@pytest.mark.parametrize("digits", [20, 400])
def test_amounts_that_no_number_holds_are_refused_and_not_infinite(digits: int) -> None:
    with pytest.raises(ValueError, match="is more than"):
        Quantity("9" * digits + "P")
    with pytest.raises(ValueError, match="is longer than"):
        Duration("9" * digits + "h")
