"""The chart's and the manifests' files agree with each other, with the CRD's source and with the operator's settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from dcp_operator.ground.settings import read_settings
from dcp_pipeline.spec.parse import pipeline_of
from dcp_ui.in_cluster import read_settings as read_page_settings

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts/dcp-operator"
MANIFESTS = ROOT / "manifests"
SAMPLE = MANIFESTS / "samples/botnet"
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
NOT_THE_CHARTS = {"HEALTH_HOST", "HEALTH_PORT", "KUBERNETES_SERVICE_HOST"}
"""The probes and the Service go to a port that is not up for choice; the kubelet says where the API server is."""


class Asked(dict[str, str]):
    """An environment that remembers which variables were asked for."""

    def __init__(self, **known: str) -> None:
        super().__init__(known)
        self.names: set[str] = set()

    def get(self, name: str, *default: Any) -> Any:  # type: ignore[override]
        self.names.add(name)
        return super().get(name, *default)


def settings_of_the_operator() -> set[str]:
    asked = Asked(FETCHER_IMAGE="f", WORKER_IMAGE="w")
    read_settings(asked)
    return asked.names


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


def objects_of(schema: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All parts of a schema that have properties, with their places."""
    if "properties" in schema:
        yield place, schema
    for name, each in schema.get("properties", {}).items():
        yield from objects_of(each, f"{place}.{name}")
    if "items" in schema:
        yield from objects_of(schema["items"], f"{place}[]")


def defaults_missing_in(schema: Mapping[str, Any], values: Mapping[str, Any], place: str = "") -> Iterator[str]:
    known = schema["properties"].keys() - {"global"}
    yield from (f"{place}.{name}" for name in known ^ values.keys())
    for name in known & values.keys():
        if "properties" in schema["properties"][name]:
            yield from defaults_missing_in(schema["properties"][name], values[name], f"{place}.{name}")


CRDS = {"crd.yaml": "datacleaningpipelines.yaml", "crd-tasks.yaml": "datacleaningtasks.yaml"}


@pytest.mark.parametrize("name", CRDS)
def test_the_chart_s_crds_are_those_made_from_the_models(name: str) -> None:
    made = (MANIFESTS / "crd" / CRDS[name]).read_bytes()
    assert (CHART / "files" / name).read_bytes() == made, "run scripts/make_crd.py"


@pytest.mark.parametrize("name", CRDS)
def test_a_crd_has_one_place_where_the_keep_policy_goes(name: str) -> None:
    assert (CHART / "files" / name).read_text().count("\nmetadata:\n") == 1


def test_the_manifests_grant_what_the_chart_grants() -> None:
    roles = [each for each in documents(MANIFESTS / "operator/rbac.yaml") if each["kind"] == "ClusterRole"]
    assert [each["rules"] for each in roles] == documents(CHART / "files/rules.yaml")


def test_secrets_are_read_by_name_and_pipelines_are_not_made_or_deleted() -> None:
    rules = documents(CHART / "files/rules.yaml")[0]
    verbs = {resource: set(rule["verbs"]) for rule in rules for resource in rule["resources"]}
    assert verbs["secrets"] == {"get"}
    assert verbs["datacleaningpipelines"] == {"get", "list", "patch", "watch"}, "patch: for a finalizer (ADR 140)"
    assert verbs["datacleaningtasks"] == {"delete", "get", "list", "watch"}
    assert not any("*" in words for rule in rules for words in rule.values())


def test_the_chart_gives_the_operator_every_setting_that_it_reads() -> None:
    text = (CHART / "templates/deployment.yaml").read_text()
    assert set(re.findall(r"- \{name: ([A-Z_]+), value", text)) == settings_of_the_operator() - NOT_THE_CHARTS


def test_the_chart_gives_the_page_every_setting_that_it_reads() -> None:
    asked = Asked()
    read_page_settings(asked)
    text = (CHART / "templates/ui.yaml").read_text()
    assert set(re.findall(r"- \{name: ([A-Z_]+), value", text)) == asked.names


def test_the_manifests_give_the_operator_only_settings_that_it_reads() -> None:
    kustomization = documents(MANIFESTS / "operator/kustomization.yaml")[0]
    literals = kustomization["configMapGenerator"][0]["literals"]
    assert {each.partition("=")[0] for each in literals} <= settings_of_the_operator()


def test_every_value_is_described_and_nothing_else_is_taken() -> None:
    for place, part in objects_of(SCHEMA):
        assert part["additionalProperties"] is False, place
        assert [name for name, each in part["properties"].items() if not each.get("description")] == [], place


def test_values_and_schema_name_the_same_values() -> None:
    assert sorted(defaults_missing_in(SCHEMA, VALUES)) == []


def test_the_defaults_pass_the_schema() -> None:
    jsonschema.validate(VALUES, SCHEMA)


@pytest.mark.parametrize(
    "change",
    [
        {"watchNamespace": ["a"]},
        {"watchNamespaces": ["Not A Name"]},
        {"syncPeriod": "2"},
        {"images": {"pullPolicy": "Sometimes"}},
        {"images": {"repository": "ends/in/"}},
        {"log": {"level": "loud"}},
        {"reconcileConcurrency": 0},
    ],
    ids=str,
)
def test_a_value_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**VALUES, **change}, SCHEMA)


def test_the_sample_cleans_as_the_example_does() -> None:
    sample, example = (
        pipeline_of(yaml.safe_load(path.read_text())).spec.cleaning
        for path in (SAMPLE / "pipeline.yaml", ROOT / "examples/botnet.yaml")
    )
    assert (sample.fields, sample.unique, sample.missing_values) == (
        example.fields,
        example.unique,
        example.missing_values,
    )


@pytest.mark.parametrize(
    "path", [*(SAMPLE / f"{name}.yaml" for name in ("feed", "mariadb", "redis")), MANIFESTS / "operator/deployment.yaml"],
    ids=lambda path: path.stem,
)  # fmt: skip
def test_every_pod_fits_the_restricted_profile_and_has_limits(path: Path) -> None:
    pod = next(each for each in documents(path) if each["kind"] == "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"] + pod.get("initContainers", []):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]


def test_the_readme_s_commands_are_the_guide_s() -> None:
    def lines(name: str) -> set[str]:
        text = (ROOT / name).read_text().replace("\\\n", " ")
        return {re.sub(r"\s+", " ", line.partition(" #")[0]).strip() for line in text.splitlines()}

    section = (ROOT / "README.md").read_text().partition("## On Kubernetes")[2].partition("\n## ")[0]
    commands = re.findall(r"^    ((?:helm|kubectl) (?:.*\\\n)?.*)$", section, re.M)
    assert len(commands) == 4
    short = {re.sub(r"\s+", " ", each.replace("\\\n", " ").partition(" #")[0]).strip() for each in commands}
    assert short - {"kubectl get dcp --namespace demo --watch"} <= lines("docs/kubernetes.md")
