"""Labels beside those of the spec's fields: what is missing, what is new, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from dcp_pipeline.spec.wanted_labels import LabelsFound, WantedLabels, labels_found, remark_in
from support.batches import cleaning_of

FIELDS = [
    {"name": "seen", "from": ["first_seen", "Firstseen"]},
    {"name": "ip"},
    {"name": "city", "from": "geo.city"},
    {"name": "both", "compute": {"join": {"fields": ["ip", "city"]}}},
    {"name": "country"},
]
GEO = [{"geoip": {"from": "ip", "database": {"path": "x.mmdb"}, "fields": {"country": "country_code"}}}]


def found(met: list[str], earlier: set[str] | None = None, **words: Any) -> LabelsFound:
    return labels_found(WantedLabels.of(cleaning_of(*FIELDS, enrich=GEO, **words)), met, earlier)


def test_one_of_several_labels_is_enough_and_a_path_needs_its_first_key() -> None:
    assert found(["Firstseen", "ip", "geo"]) == LabelsFound()
    assert found(["first_seen", "ip", "geo.city", "country"]) == LabelsFound()


def test_what_is_missing_is_told_beside_what_nobody_uses() -> None:
    told = found(["first_seen", "ip", "geography", ""], earlier=set())
    assert (told.missing, told.unused, told.refused) == (("geo.city",), ("geography",), None)
    assert told.remark == (
        "labels that are not there, so that their fields are empty: geo.city; no field is made of geography"
    )
    assert remark_in(f"its last record has no line end; {told.remark}") == told.remark
    assert remark_in(None) == remark_in("it is cut off") == ""


def test_new_is_what_no_earlier_object_had() -> None:
    labels = ["first_seen", "ip", "geo", "asn", "port"]
    assert found(labels, earlier=None).remark is None
    assert found(labels, earlier={"first_seen", "ip", "geo", "asn"}).new == ("port",)
    assert found(labels, earlier={"asn"}).remark == "new labels, of which no field is made: port"


def test_an_object_that_knows_none_of_the_labels_is_refused() -> None:
    assert found(["Rate limit exceeded"]).refused == (
        "none of the fields' labels (first_seen or Firstseen, ip, geo.city) is there, but: Rate limit exceeded"
    )
    assert found(["country"]).refused  # which the enrichment fills by itself
    assert found(["ip"]).refused is None


@pytest.mark.parametrize(
    ("demand", "labels", "refused"),
    [
        ("superset", ["first_seen", "ip", "geo", "more"], None),
        (
            "superset",
            ["first_seen", "ip", "more"],
            "superset, and these are not there: geo.city; no field is made of more",
        ),
        ("exact", ["Firstseen", "geo", "ip"], None),
        ("exact", ["first_seen", "ip", "geo", "country"], None),
        ("exact", ["first_seen", "ip", "geo", "more"], "exact, and no field is made of: more"),
        ("exact", ["first_seen", "ip"], "exact, and these are not there: geo.city"),
    ],
)
def test_what_the_spec_demands(demand: str, labels: list[str], refused: str | None) -> None:
    told = found(labels, labels=demand).refused
    assert told == (refused and f"cleaning.labels is {refused}")


def test_fields_without_labels_refuse_nothing() -> None:
    only_computed = cleaning_of({"name": "x", "compute": {"coalesce": ["y"]}}, {"name": "y", "from": "z"})
    assert labels_found(WantedLabels.of(only_computed), ["z"], None).refused is None
    assert labels_found(WantedLabels((), frozenset()), ["a"], None) == LabelsFound(unused=("a",))
