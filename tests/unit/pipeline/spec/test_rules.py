"""Transforms, computed fields and filters as a document: what is taken, and how what is wrong is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from dcp_pipeline.spec.checking.order import cycle_of, late_fields, ordered, origins, reads_of
from dcp_pipeline.spec.errors import SpecInvalid
from dcp_pipeline.spec.kubernetes.crd import custom_resource_definition
from dcp_pipeline.spec.model import Pipeline
from dcp_pipeline.spec.parse import pipeline_of
from dcp_pipeline.spec.revision import revision_from, revision_of
from dcp_pipeline.spec.schema import json_schema
from dcp_pipeline.spec.transforms import Step

EXAMPLE = Path(__file__).parents[4] / "examples" / "botnet.yaml"
EVERYTHING = """
fields:
  - name: a
    transforms:
      - trim
      - {replace: {pattern: "x+", with: "y"}}
      - {hmac: {key: {secretKeyRef: {name: pepper, key: value}}}}
  - {name: b, compute: {join: {fields: [a, c], separator: "-"}}, stored: false}
  - {name: c, type: number, decimalChar: ",", groupChar: ".", bareNumber: false}
  - {name: d, type: datetime, formats: [default, epoch-ms]}
filter:
  - drop: {all: [{field: c, compare: {minimum: 1.5}}, {not: {any: [{field: a, in: [1, x, true]}]}}]}
  - keep: {field: a, missing: false}
unique: [a]
"""


def document(cleaning: dict[str, Any]) -> dict[str, Any]:
    whole = yaml.safe_load(EXAMPLE.read_text())
    whole["spec"]["cleaning"] = {"unique": [cleaning["fields"][0]["name"]], **cleaning}
    return whole


def pipeline(cleaning: str) -> Pipeline:
    return pipeline_of(document(yaml.safe_load(cleaning)))


def problems(cleaning: str) -> list[str]:
    with pytest.raises(SpecInvalid) as caught:
        pipeline(cleaning)
    return [str(each).removeprefix("spec.cleaning.") for each in caught.value.problems]


def test_words_and_objects_stand_side_by_side_and_survive_the_revision() -> None:
    parsed = pipeline(EVERYTHING)
    word, step = parsed.spec.cleaning.fields[0].transforms[:2]
    assert word == "trim"
    assert isinstance(step, Step)
    assert step.replace is not None
    assert (step.replace.pattern, step.replace.with_) == ("x+", "y")
    assert revision_from(revision_of(parsed, "sinkhole")[1]).cleaning == parsed.spec.cleaning


def test_the_schema_that_editors_use_accepts_what_the_parser_takes() -> None:
    Draft202012Validator(json_schema()).validate(document(yaml.safe_load(EVERYTHING)))


def test_the_api_server_keeps_what_the_crd_does_not_spell_out() -> None:
    schema = custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    cleaning = schema["properties"]["cleaning"]["properties"]
    transform = cleaning["fields"]["items"]["properties"]["transforms"]["items"]
    inner = cleaning["filter"]["items"]["properties"]["drop"]["properties"]["all"]["items"]
    assert transform["x-kubernetes-preserve-unknown-fields"]
    assert inner["x-kubernetes-preserve-unknown-fields"]


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        ("trimm", "fields[0].transforms[1]: is 'trimm'; allowed: collapse, "),
        ("{replce: {}}", "fields[0].transforms[1].replce: is not a known field; did you mean 'replace'?"),
        ("{replace: {patern: x}}",
         "fields[0].transforms[1].replace.patern: is not a known field; did you mean 'pattern'?"),
        ("{}", "fields[0].transforms[1]: has no member; exactly one of replace, "),
        ("{ip: {}, hash: {}}", "fields[0].transforms[1]: has ip and hash; exactly one of "),
        ("{replace: {}}",
         "fields[0].transforms[1].replace: has no member; exactly one of pattern, text is wanted"),
        ("{replace: {pattern: '(?=x)'}}",
         "fields[0].transforms[1].replace.pattern: uses look-around or a back-reference, which cannot be matched in "
         "linear time"),
        ("{split: {by: ';', take: 0}}",
         "fields[0].transforms[1].split.take: is 0; 1 is the first part, -1 the last"),
        ("{truncate: {characters: 1, bytes: 2}}",
         "fields[0].transforms[1].truncate: has characters and bytes; exactly one of characters, bytes is wanted"),
        ("{cidr: {networks: [10.0.0.1/8]}}",
         "fields[0].transforms[1].cidr.networks[0]: is no network such as 192.0.2.0/24: 10.0.0.1/8 has host bits set"),
        ("{hash: {algorithm: crc32}}",
         "fields[0].transforms[1].hash.algorithm: is 'crc32'; allowed: blake3, "),
        ("{map: {values: {}}}", "fields[0].transforms[1].map.values: "),
        ("3", "fields[0].transforms[1]: is 3; "),
    ],
)  # fmt: skip
def test_a_transform_that_is_none_is_named_with_its_path(transform: str, expected: str) -> None:
    (found,) = problems(f"fields: [{{name: a, transforms: [trim, {transform}]}}]")
    assert found.startswith(expected)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("[{name: a, compute: {field: b}}, {name: b, compute: {coalesce: [c, a]}}, {name: c}]",
         "fields: are made of each other: a reads b reads a"),
        ("[{name: a, compute: {field: a}}]", "fields: are made of each other: a reads a"),
        ("[{name: a, from: x, compute: {field: b}}, {name: b}]",
         "fields[0].from: is set beside compute; at most one is wanted"),
        ("[{name: a, compute: {}}]",
         "fields[0].compute: has no member; exactly one of field, join, coalesce is wanted"),
        ("[{name: a, compute: {join: {fields: [z]}}}]",
         "fields[0].compute: reads 'z', which is no field of spec.cleaning.fields"),
        ("[{name: a, stored: false}]", "fields: has no field that is stored; at least one is wanted"),
        ("[{name: a, type: date, format: '%Y', formats: ['%Y']}]",
         "fields[0].formats: is set beside format; at most one is wanted"),
        ("[{name: a, groupChar: ','}]", "fields[0].groupChar: is set, but it has no meaning for type string"),
        ("[{name: a, type: number, groupChar: '.'}]", "fields[0].groupChar: is '.', and decimalChar too"),
        ("[{name: a, type: number, decimalChar: '5'}]", "fields[0].decimalChar: is '5', which is a part of numbers"),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_is_named_with_its_path(fields: str, expected: str) -> None:
    assert problems(f"fields: {fields}") == [expected]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{}", "filter[0]: has no member; exactly one of drop, keep is wanted"),
        ("{drop: {}}", "filter[0].drop: has nothing; a field with a test, or one of all, any, not is wanted"),
        ("{drop: {field: a}}",
         "filter[0].drop: has field; field and exactly one of equals, in, matches, cidr, compare, missing are wanted"),
        ("{drop: {equals: 1}}",
         "filter[0].drop: has equals; field and exactly one of equals, in, matches, cidr, compare, missing are wanted"),
        ("{keep: {field: a, equals: 1, in: [2]}}",
         "filter[0].keep: has field, equals, in; field and exactly one of equals, in, matches, cidr, compare, missing "
         "are wanted"),
        ("{drop: {field: z, missing: true}}", "filter[0].drop.field: is 'z', which is no field of spec.cleaning.fields"),
        ("{drop: {not: {all: [{field: a, matches: '(a)\\\\1'}]}}}",
         "filter[0].drop.not.all[0].matches: uses look-around or a back-reference, which cannot be matched in linear "
         "time"),
        ("{drop: {field: a, cidr: [here]}}",
         "filter[0].drop.cidr[0]: is no network such as 192.0.2.0/24: 'here' does not appear to be an IPv4 or IPv6 "
         "network"),
        ("{drop: {field: a, compare: {}}}", "filter[0].drop.compare: has no bound"),
        ("{drop: {not: {not: {feld: a}}}}", "filter[0].drop.not.not: Object contains unknown field `feld`"),
    ],
)  # fmt: skip
def test_a_filter_that_is_none_is_named_with_its_path(entry: str, expected: str) -> None:
    assert problems(f"fields: [{{name: a}}]\nfilter: [{entry}]") == [expected]


def test_fields_come_after_what_they_read_and_late_ones_after_the_enrichment() -> None:
    cleaning = pipeline("""
      fields:
        - {name: label, compute: {join: {fields: [country, ip]}}}
        - {name: ip, compute: {field: raw}, type: ip}
        - {name: country}
        - {name: raw}
      enrich: [{geoip: {from: ip, database: {path: x.mmdb}, fields: {country: country_code}}}]
      """).spec.cleaning
    reads = reads_of(cleaning)
    assert ordered(reads) == ("raw", "ip", "country", "label")
    assert late_fields(cleaning) == {"country", "label"}
    assert origins(["ip"], reads) == {"ip", "raw"}
    assert cycle_of(reads) == ()
