"""The pods: hardened, probed, with the secrets that they use and no others."""

from __future__ import annotations

from typing import Any

import pytest

from dcp_operator.children.pods import grace_seconds, pod_template, pods_revision, resources_of
from dcp_operator.children.secret_refs import all_refs, refs_of
from dcp_operator.ground.names import REVISION_ANNOTATION, Component
from dcp_operator.ground.settings import PodSettings
from support.pipelines import pipeline

SETTINGS = PodSettings("fetcher:1", "worker:1", "IfNotPresent")
VERSIONS = {"feed/key": "1", "redis/password": "2", "mariadb/password": "3"}
BOTH: tuple[Component, ...] = ("fetcher", "worker")


def pod(component: Component, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    return pod_template(pipeline(changes), component, VERSIONS, SETTINGS)["spec"]


def container(component: Component, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    return pod(component, changes)["containers"][0]


def env(component: Component, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in container(component, changes)["env"]}


@pytest.mark.parametrize("component", BOTH)
def test_the_restricted_profile_is_met(component: Component) -> None:
    assert pod(component)["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container(component)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
    }
    assert pod(component)["automountServiceAccountToken"] is False


@pytest.mark.parametrize("component", BOTH)
def test_there_are_probes_requests_and_limits(component: Component) -> None:
    found = container(component)
    paths = {name: found[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    # A stuck process would not end by itself, and would hold its place for as long as a batch may take.
    assert found["livenessProbe"]["terminationGracePeriodSeconds"] < pod(component)["terminationGracePeriodSeconds"]
    assert found["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in found["resources"]["limits"]


@pytest.mark.parametrize(
    ("component", "files"),
    [
        ("fetcher", ["feed/key", "mariadb/password", "redis/password"]),
        ("worker", ["mariadb/password", "redis/password"]),
    ],
)
def test_a_component_gets_the_secrets_that_it_uses_and_no_others(component: Component, files: list[str]) -> None:
    volume = next(each for each in pod(component)["volumes"] if each["name"] == "secrets")
    items = [item["path"] for source in volume["projected"]["sources"] for item in source["secret"]["items"]]
    assert items == files
    assert env(component)["DCP_SECRETS_DIR"] == "/run/dcp/secrets"


def test_a_writable_place_is_there_for_state_and_temporary_files() -> None:
    mounts = {each["mountPath"]: each for each in container("worker")["volumeMounts"]}
    assert not mounts["/var/lib/dcp/state"].get("readOnly")
    assert not mounts["/tmp"].get("readOnly")
    assert mounts["/etc/dcp"]["readOnly"]


def test_a_database_on_a_claim_is_mounted_read_only_into_workers_alone() -> None:
    claim = {"persistentVolumeClaim": {"claimName": "geo.data", "path": "country.mmdb"}}
    step = {"geoip": {"from": "src_ip", "database": claim, "fields": {"country": "country_code"}}}
    changes = {"cleaning": {"enrich": [step]}}
    mount = next(e for e in container("worker", changes)["volumeMounts"] if e["mountPath"].endswith("/geo.data"))
    volume = next(each for each in pod("worker", changes)["volumes"] if each["name"] == mount["name"])
    assert (mount["mountPath"], mount["readOnly"]) == ("/var/lib/dcp/volumes/geo.data", True)
    assert volume["persistentVolumeClaim"] == {"claimName": "geo.data", "readOnly": True}
    assert not any("claim" in each["name"] for each in pod("fetcher", changes)["volumes"])


@pytest.mark.parametrize(("timeout", "seconds"), [("5m", 310), ("1s", 30), ("2h", 600)])
def test_a_worker_has_the_time_to_finish_its_batch(timeout: str, seconds: int) -> None:
    spec = pipeline({"worker": {"batchTimeout": timeout}})
    assert grace_seconds(spec, "worker") == seconds
    assert int(env("worker", {"worker": {"batchTimeout": timeout}})["WORKER_GRACE_SECONDS"]) < seconds
    assert grace_seconds(spec, "fetcher") == 30


def test_threads_follow_the_concurrency() -> None:
    assert env("worker", {"worker": {"concurrency": 3}})["POLARS_MAX_THREADS"] == "3"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}),
        ({"limits": {"memory": "128Mi"}}, {"requests": {"cpu": "250m"}, "limits": {"memory": "128Mi"}}),
        ({"requests": {"memory": "2Gi"}}, {"requests": {"cpu": "250m", "memory": "2Gi"}, "limits": {}}),
        (
            {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}},
            {"requests": {"cpu": "1", "memory": "256Mi"}, "limits": {"memory": "1Gi", "cpu": "2"}},
        ),
    ],
)
def test_resources_of_the_spec_never_contradict_the_defaults(given: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert resources_of(pipeline({"worker": {"resources": given}}), "worker") == wanted


def test_additions_are_merged_by_name() -> None:
    template = {
        "annotations": {"team": "feeds"},
        "labels": {"tier": "batch"},
        "env": [{"name": "LOG_FORMAT", "value": "console"}, {"name": "LOG_LEVEL", "value": "debug"}],
        "volumes": [{"name": "data", "emptyDir": {}}],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "nodeSelector": {"disk": "fast"},
        "securityContext": {"fsGroup": 1000},
        "serviceAccountName": "mine",
        "containers": [{"name": "proxy", "image": "proxy:1", "securityContext": {"runAsUser": 1000}}],
    }
    changes = {"worker": {"podTemplate": template}}
    whole = pod_template(pipeline(changes), "worker", VERSIONS, SETTINGS)
    spec = whole["spec"]
    assert whole["metadata"]["annotations"]["team"] == "feeds"
    assert whole["metadata"]["labels"]["tier"] == "batch"
    assert (env("worker", changes)["LOG_FORMAT"], env("worker", changes)["LOG_LEVEL"]) == ("console", "debug")
    assert {"name": "data", "emptyDir": {}} in spec["volumes"]
    assert {"spec", "state", "tmp", "secrets"} < {each["name"] for each in spec["volumes"]}
    assert spec["securityContext"] == {
        "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, "fsGroup": 1000
    }  # fmt: skip
    assert (spec["serviceAccountName"], spec["nodeSelector"]) == ("mine", {"disk": "fast"})
    assert [each["name"] for each in spec["containers"]] == ["worker", "proxy"]
    assert spec["containers"][1]["securityContext"] == {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsUser": 1000
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "rolls"),
    [
        ({"scaling": {"maxReplicas": 3}}, False),
        ({"paused": True}, False),
        ({"worker": {"podTemplate": {"labels": {"a": "b"}}}}, False),
        ({"worker": {"maxAttempts": 9}}, True),
        ({"cleaning": {"missingValues": ["-"]}}, True),
    ],
)
def test_pods_are_rolled_by_what_they_run_and_by_nothing_else(changes: dict[str, Any], rolls: bool) -> None:
    before = pods_revision(pipeline(), "worker", VERSIONS)
    assert (pods_revision(pipeline(changes), "worker", VERSIONS) != before) is rolls


def test_with_reload_only_what_a_running_pod_reads_once_renews_it() -> None:
    hmac = {"hmac": {"key": {"secretKeyRef": {"name": "pepper", "key": "value"}}}}
    fields = [{"name": "src_ip", "type": "ip"}, {"name": "user", "transforms": [hmac]}]
    ca = {"ca": {"secretKeyRef": {"name": "authority", "key": "pem"}}}
    spec = {"rotation": "Reload", "cleaning": {"fields": fields}, "sink": {"sql": {"tls": ca}}}
    versions = {**VERSIONS, "pepper/value": "1", "authority/pem": "1"}
    rolled = {
        (component, changed)
        for component in BOTH
        for changed in versions
        if pods_revision(pipeline(spec), component, {**versions, changed: "9"})
        != pods_revision(pipeline(spec), component, versions)
    }
    assert rolled == {("worker", "pepper/value"), ("fetcher", "authority/pem"), ("worker", "authority/pem")}


def test_the_key_of_a_hash_is_the_workers_alone() -> None:
    hmac = {"hmac": {"key": {"secretKeyRef": {"name": "pepper", "key": "value"}}}}
    fields = [{"name": "src_ip", "type": "ip"}, {"name": "user", "transforms": [hmac]}]
    keyed = pipeline({"cleaning": {"fields": fields}})
    assert [ref.name for ref in refs_of(keyed, "worker")] == ["mariadb", "pepper", "redis"]
    assert [ref.name for ref in refs_of(keyed, "fetcher")] == ["feed", "mariadb", "redis"]
    assert [ref.name for ref in all_refs(keyed)] == ["feed", "mariadb", "pepper", "redis"]
    with_pepper = {**VERSIONS, "pepper/value": "1"}
    before, after = (pods_revision(keyed, "worker", {**with_pepper, "pepper/value": each}) for each in "12")
    assert before != after


def test_a_rotated_secret_rolls_the_pods_that_use_it() -> None:
    rotated = {**VERSIONS, "feed/key": "9"}
    for component, rolls in (("fetcher", True), ("worker", False)):
        before = pods_revision(pipeline(), component, VERSIONS)
        assert (pods_revision(pipeline(), component, rotated) != before) is rolls
    annotations = pod_template(pipeline(), "worker", VERSIONS, SETTINGS)["metadata"]["annotations"]
    assert annotations[REVISION_ANNOTATION] == pods_revision(pipeline(), "worker", VERSIONS)


def test_an_image_of_its_own_and_a_pull_secret_for_all() -> None:
    settings = PodSettings("fetcher:1", "worker:1", pull_secrets=("everywhere",))
    template = {"imagePullSecrets": [{"name": "mine"}, {"name": "everywhere"}]}
    changed = pipeline({"worker": {"image": "mine/worker:2", "podTemplate": template}})
    images, secrets = {}, {}
    for component in BOTH:
        found = pod_template(changed, component, VERSIONS, settings)["spec"]
        images[component] = found["containers"][0]["image"]
        secrets[component] = [each["name"] for each in found["imagePullSecrets"]]
    assert images == {"fetcher": "fetcher:1", "worker": "mine/worker:2"}
    assert secrets == {"fetcher": ["everywhere"], "worker": ["everywhere", "mine"]}
    assert "imagePullSecrets" not in pod("worker")
    assert pods_revision(changed, "fetcher", VERSIONS) == pods_revision(pipeline(), "fetcher", VERSIONS)


def test_probes_are_answered_in_both_families() -> None:
    assert env("worker")["HEALTH_HOST"] == env("fetcher")["HEALTH_HOST"] == "::"


NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
SPOT = {"key": "spot", "operator": "Exists", "effect": "NoSchedule"}


def seconds_on_a_dead_node(component: Component, given: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Taint -> seconds for which a pod stays, by the first toleration that fits, as the kubelet's controller asks."""
    changes: dict[str, Any] = {} if given is None else {component: {"podTemplate": {"tolerations": given}}}
    found = pod(component, changes)["tolerations"]
    assert found[: len(given or ())] == (given or [])
    return {
        taint: [each.get("tolerationSeconds") for each in found
                if each.get("key") in (None, taint) and each.get("effect") in (None, "NoExecute")]
        for taint in (NOT_READY, UNREACHABLE)
    }  # fmt: skip


@pytest.mark.parametrize("component", BOTH)
@pytest.mark.parametrize(
    ("given", "not_ready", "unreachable"),
    [
        (None, [30], [30]),
        ([], [30], [30]),
        ([SPOT], [30], [30]),
        ([{"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 600}], [30], [600]),
        ([{"key": NOT_READY, "operator": "Exists", "tolerationSeconds": 0}, SPOT], [0], [30]),
        ([{"key": NOT_READY, "operator": "Exists", "effect": "NoSchedule"}], [30], [30]),
        ([{"operator": "Exists"}], [None], [None]),
        ([{"operator": "Exists", "effect": "NoSchedule"}], [30], [30]),
    ],
)
def test_pods_leave_a_dead_node_after_half_a_minute_where_the_spec_says_nothing_of_it(
    component: Component, given: list[dict[str, Any]] | None, not_ready: list[Any], unreachable: list[Any]
) -> None:
    assert seconds_on_a_dead_node(component, given) == {NOT_READY: not_ready, UNREACHABLE: unreachable}
