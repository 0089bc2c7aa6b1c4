"""What the chart makes of its values, and that the plain manifests say the same. Needs helm and kubectl, no cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.helm.shell import KUBE_VERSION, Shell, shell

ROOT = Path(__file__).parents[3]
RELEASE = f"helm template dcp charts/dcp-operator --namespace dcp-system --kube-version {KUBE_VERSION}"
IMAGES = "--set images.repository=dcp-e2e --set images.tag=e2e"
CRD = "CustomResourceDefinition"
Document = dict[str, Any]


@pytest.fixture(scope="module")
def sh() -> Shell:
    return shell()


def rendered(sh: Shell, *values: str) -> list[Document]:
    options = " ".join([IMAGES, *(f"--set '{each}'" for each in values)])
    return [each for each in yaml.safe_load_all(sh.run(f"{RELEASE} {options}")) if each]


def kinds(documents: list[Document]) -> list[str]:
    return sorted(each["kind"] for each in documents)


def one(documents: list[Document], kind: str) -> Document:
    (found,) = [each for each in documents if each["kind"] == kind]
    return found


def crds(documents: list[Document]) -> dict[str, Document]:
    return {each["metadata"]["name"]: each["spec"] for each in documents if each["kind"] == CRD}


def without_settings(deployment: Document) -> Document:
    """A Deployment's spec but for labels, and for settings, which come from different places."""
    spec: Document = deployment["spec"]
    spec["template"]["metadata"].pop("labels")
    for container in spec["template"]["spec"]["containers"]:
        container.pop("env", None)
        container.pop("envFrom", None)
    return spec


def test_the_chart_lints(sh: Shell) -> None:
    sh.run(f"helm lint --strict --quiet charts/dcp-operator --kube-version {KUBE_VERSION} {IMAGES}")


def test_manifests_and_chart_make_the_same_operator(sh: Shell) -> None:
    chart = rendered(sh, "rbac.aggregate=false")
    manifests = list(yaml.safe_load_all(sh.run("kubectl kustomize manifests")))
    chart = [each for each in chart if each["kind"] != "Pod"]
    manifests = [each for each in manifests if each["kind"] not in ("Namespace", "ConfigMap")]
    assert kinds(chart) == kinds(manifests)
    assert without_settings(one(chart, "Deployment")) == without_settings(one(manifests, "Deployment"))
    for kind, part in (("Role", "rules"), ("RoleBinding", "subjects"), ("PodDisruptionBudget", "spec"),
                       ("PriorityClass", "value"), ("ClusterRole", "rules"), ("ClusterRoleBinding", "subjects"), ("ClusterRoleBinding", "roleRef"),
                       ("Service", "spec"), ("NetworkPolicy", "spec")):  # fmt: skip
        assert one(chart, kind)[part] == one(manifests, kind)[part], kind
    assert crds(chart) == crds(manifests)
    names = {(each["kind"], each["metadata"]["name"]) for each in chart}
    assert names == {(each["kind"], each["metadata"]["name"]) for each in manifests}


def test_watched_namespaces_get_a_role_each_and_nothing_is_granted_in_the_whole_cluster(sh: Shell) -> None:
    documents = rendered(sh, "watchNamespaces={a,b}", "rbac.aggregate=false")
    roles = [each["metadata"]["namespace"] for each in documents if each["kind"] == "Role"]
    assert roles == ["a", "b", "dcp-system"]
    assert not {"ClusterRole", "ClusterRoleBinding"} & set(kinds(documents))
    environment = one(documents, "Deployment")["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "WATCH_NAMESPACES", "value": "a,b"} in environment


def test_patterns_and_labels_are_looked_up_with_the_right_to_see_namespaces_and_no_other(sh: Shell) -> None:
    plain = one(rendered(sh, "rbac.aggregate=false"), "ClusterRole")["rules"]
    for value in ("watchNamespaces={team-*,!team-test}", "watchNamespaceSelector=dcp=yes"):
        rules = one(rendered(sh, value, "rbac.aggregate=false"), "ClusterRole")["rules"]
        assert [each for each in rules if each not in plain] == [
            {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list", "watch"]}
        ]


def test_an_upgrade_spreads_its_own_replicas_whatever_those_that_go_are_on(sh: Shell) -> None:
    (spread,) = one(rendered(sh), "Deployment")["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert spread["matchLabelKeys"] == ["pod-template-hash"]


def test_one_replica_has_no_budget_that_could_hold_up_a_drain(sh: Shell) -> None:
    assert "PodDisruptionBudget" in kinds(rendered(sh))
    assert "PodDisruptionBudget" not in kinds(rendered(sh, "replicas=1"))


def test_pod_monitors_need_a_right_of_their_own(sh: Shell) -> None:
    rules = one(rendered(sh, "metrics.podMonitors=true", "rbac.aggregate=false"), "ClusterRole")["rules"]
    assert [each["resources"] for each in rules if each["apiGroups"] == ["monitoring.coreos.com"]] == [["podmonitors"]]
    assert not [each for each in rules if each["apiGroups"] == ["keda.sh"]]
    rules = one(rendered(sh, "keda.enabled=true", "rbac.aggregate=false"), "ClusterRole")["rules"]
    assert [each["resources"] for each in rules if each["apiGroups"] == ["keda.sh"]] == [
        ["scaledobjects", "triggerauthentications"]
    ]


def test_the_crd_is_kept_when_its_release_goes_and_can_be_left_out(sh: Shell) -> None:
    kept = [each["metadata"]["annotations"] for each in rendered(sh) if each["kind"] == CRD]
    assert kept == [{"helm.sh/resource-policy": "keep"}] * 2
    assert CRD not in kinds(rendered(sh, "crd.install=false"))


def test_a_service_monitor_selects_the_operator_s_service(sh: Shell) -> None:
    documents = rendered(sh, "metrics.serviceMonitor.enabled=true", "metrics.serviceMonitor.labels.team=a")
    monitor, service = one(documents, "ServiceMonitor"), one(documents, "Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    assert monitor["metadata"]["labels"]["team"] == "a"


def test_alerts_and_dashboards_are_those_of_the_folder(sh: Shell) -> None:
    assert not {"PrometheusRule", "ConfigMap"} & set(kinds(rendered(sh)))
    documents = rendered(
        sh,
        "metrics.rules.enabled=true",
        "metrics.rules.runbooks=https://example.org/alerts",
        "metrics.dashboards.enabled=true",
    )
    found = {each["name"]: each["rules"] for each in one(documents, "PrometheusRule")["spec"]["groups"]}
    for path in sorted((ROOT / "monitoring/rules").glob("*.yaml")):
        for group in yaml.safe_load(path.read_text().replace("docs/alerts.md#", "https://example.org/alerts#"))[
            "groups"
        ]:
            assert found.pop(group["name"]) == group["rules"]
    assert found == {}
    boards = one(documents, "ConfigMap")
    assert boards["metadata"]["labels"]["grafana_dashboard"] == "1"
    for path in (ROOT / "monitoring/dashboards").glob("*.json"):
        assert json.loads(boards["data"][f"dcp-{path.name}"]) == json.loads(path.read_text())


def test_the_page_is_off_by_default_and_sees_pipelines_alone_where_it_is_on(sh: Shell) -> None:
    plain = rendered(sh)
    assert not [each for each in plain if each["metadata"]["name"].endswith("-ui")]
    made = [each for each in rendered(sh, "ui.enabled=true") if each not in plain]
    assert kinds(made) == [
        "ClusterRole", "ClusterRoleBinding", "Deployment", "NetworkPolicy", "Service", "ServiceAccount"
    ]  # fmt: skip
    assert one(made, "ClusterRole")["rules"] == [
        {"apiGroups": ["datacleaning.io"], "resources": ["datacleaningpipelines"], "verbs": ["get", "list"]}
    ]
    assert one(made, "Service")["spec"]["type"] == "ClusterIP"
    assert one(made, "NetworkPolicy")["spec"]["ingress"] == []
    pod = one(made, "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    operator = one(plain, "Deployment")["spec"]["template"]["spec"]
    assert pod["containers"][0]["securityContext"] == operator["containers"][0]["securityContext"]
    assert pod["serviceAccountName"] != operator["serviceAccountName"]


def test_the_page_s_roles_are_those_of_the_watched_namespaces(sh: Shell) -> None:
    values = (
        "watchNamespaces={a,b}",
        "ui.enabled=true",
        "ui.from[0].podSelector.matchLabels.app=proxy",
        "instance=blue",
    )
    made = [each for each in rendered(sh, *values) if each["metadata"]["name"].endswith("-ui")]
    assert [each["metadata"]["namespace"] for each in made if each["kind"] == "Role"] == ["a", "b"]
    assert one(made, "NetworkPolicy")["spec"]["ingress"][0]["from"] == [
        {"podSelector": {"matchLabels": {"app": "proxy"}}}
    ]
    environment = one(made, "Deployment")["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "NAMESPACES", "value": "a,b"} in environment
    assert {"name": "INSTANCE", "value": "blue"} in environment


def test_an_image_may_be_named_whole(sh: Shell) -> None:
    container = one(rendered(sh, "images.operator=registry.example/op@sha256:0"), "Deployment")
    assert container["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/op@sha256:0"


def test_who_named_the_three_images_before_there_were_tasks_can_upgrade(sh: Shell) -> None:
    three = ",".join(f"images.{each}=registry.example/{each}" for each in ("operator", "fetcher", "worker"))
    made = sh.attempt(f"{RELEASE} --set {three}")
    assert made.returncode == 0, made.stderr
    assert "DCP_IMAGE" not in made.stdout
    assert "registry.example/dcp:2" in sh.attempt(f"{RELEASE} --set {three},images.dcp=registry.example/dcp:2").stdout


def test_without_a_place_for_the_images_it_says_what_to_set(sh: Shell) -> None:
    refused = sh.attempt(RELEASE)
    assert refused.returncode != 0
    assert "images.repository: say where the images are" in refused.stderr


def test_a_value_that_does_not_exist_is_refused_by_name(sh: Shell) -> None:
    refused = sh.attempt(f"{RELEASE} {IMAGES} --set watchNamespace=a")
    assert refused.returncode != 0
    assert "'watchNamespace' not allowed" in refused.stderr
