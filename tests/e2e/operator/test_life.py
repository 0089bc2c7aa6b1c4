"""The operator on a real cluster: from a resource to clean rows, and what happens to what people break."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from e2e.operator.conftest import NAME
from e2e.operator.kube import CHILDREN, Kube, ready
from support.waiting import wait_until

SPEC: dict[str, Any] = {
    "sources": [
        {
            "name": "sinkhole",
            "http": {
                "url": "http://feed:8000/botnet/",
                "interval": "2s",
                "headers": [{"name": "X-Key", "valueFrom": {"secretKeyRef": {"name": "feed", "key": "key"}}}],
            },
        }
    ],
    "queue": {
        "redis": {"url": "redis://redis:6379/0", "password": {"secretKeyRef": {"name": "redis", "key": "password"}}}
    },
    "cleaning": {
        "fields": [
            {"name": "seen_at", "type": "datetime", "format": "%Y-%m-%d %H:%M:%S"},
            {"name": "src_ip", "type": "ip", "constraints": {"required": True}},
        ],
        "unique": ["seen_at", "src_ip"],
    },
    "sink": {
        "sql": {
            "url": "mysql+pymysql://dcp@mariadb/clean",
            "table": "botnet",
            "password": {"secretKeyRef": {"name": "mariadb", "key": "password"}},
        }
    },
    "scaling": {"maxReplicas": 2, "backlogPerWorker": 1},
}
INSTANCE = "app.kubernetes.io/instance=botnet"
SEEN_ON_A_BUSY_NODE = ("patch datacleaningpipelines/", "create events/")


@pytest.fixture(scope="module")
def botnet(operator: Kube, feeds: Kube) -> Iterator[Kube]:
    """The namespace with a pipeline in it, fetcher ready."""
    put(feeds, "first.csv", range(1))
    feeds.apply(pipeline())
    wait_until(ready(feeds, "botnet-fetcher"), "the fetcher", 120)
    yield feeds
    feeds.delete("DataCleaningPipeline", "botnet")


def pipeline(name: str = "botnet", **changes: Any) -> dict[str, Any]:
    return {
        "apiVersion": "datacleaning.io/v1beta1",
        "kind": "DataCleaningPipeline",
        "metadata": {"name": name},
        "spec": {**SPEC, **changes},
    }


def status(kube: Kube, name: str = "botnet") -> dict[str, Any]:
    found: dict[str, Any] = (kube.get("DataCleaningPipeline", name) or {}).get("status", {})
    return found


def condition(kube: Kube, kind: str, name: str = "botnet") -> dict[str, Any]:
    found = (each for each in status(kube, name).get("conditions", []) if each["type"] == kind)
    return next(found, {})


def replicas(kube: Kube) -> int:
    return int((kube.get("Deployment", "botnet-worker") or {})["spec"]["replicas"])


def rows(kube: Kube) -> int:
    said = kube.run(
        "mariadb", "mariadb", "-h127.0.0.1", "-udcp", "-psecret", "clean", "-Ne", "SELECT count(*) FROM botnet"
    )
    return int(said) if said.isdecimal() else -1


def put(kube: Kube, name: str, lines: range) -> None:
    """A file into the feed: one record a second, from each number of `lines`."""
    program = (
        "import http.client, time; "
        "text = 'seen_at,src_ip\\n' + ''.join("
        "time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(1.7e9 + n)) + ',10.%d.%d.%d\\n' % (n >> 16, n >> 8 & 255, n & 255)"
        f" for n in range({lines.start}, {lines.stop})); "
        f"c = http.client.HTTPConnection('127.0.0.1', 8000); c.request('PUT', '/botnet/{name}', text.encode()); "
        "print(c.getresponse().status)"
    )
    assert kube.run("feed", "python3", "-c", program) == "201"


def test_rows_arrive_and_workers_follow_the_backlog_up_and_down_again(botnet: Kube) -> None:
    wait_until(lambda: condition(botnet, "Ready").get("status") == "True", "the pipeline to be ready", 60)
    wait_until(lambda: replicas(botnet) == 0, "no worker once the fixture's record is written", 90)
    put(botnet, "one.csv", range(30_000))
    wait_until(lambda: replicas(botnet) > 0, "workers to be asked for", 60)
    wait_until(lambda: rows(botnet) == 30_000, "all rows", 120)
    wait_until(lambda: replicas(botnet) == 0, "no worker once all is done", 90)
    put(botnet, "two.csv", range(30_000, 31_000))
    wait_until(lambda: rows(botnet) == 31_000, "the rows of a new file, from zero workers", 120)
    reasons = [each["note"] for each in botnet.list("Event") if each.get("reason") == "Scaled"]
    assert any("workers 0 ->" in each for each in reasons)
    assert any("-> 0: the queue is empty" in each for each in reasons)
    assert "scaling" in status(botnet)
    wait_until(lambda: status(botnet).get("records", {}).get("written") == 31_000, "the count in the status", 60)
    for name in ("SourcesReachable", "SinkReachable"):
        wait_until(lambda name=name: condition(botnet, name).get("status") == "True", name, 30)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("breaks", "mended"),
    [
        (lambda kube: kube.delete("ConfigMap", specs(kube)[0]), lambda kube: len(specs(kube)) == 1),
        (
            lambda kube: kube.delete("NetworkPolicy", "botnet-pods"),
            lambda kube: kube.get("NetworkPolicy", "botnet-pods"),
        ),
        (
            lambda kube: kube.patch("Deployment", "botnet-fetcher", {"spec": {"replicas": 3}}),
            lambda kube: (kube.get("Deployment", "botnet-fetcher") or {})["spec"]["replicas"] == 1,
        ),
        (
            lambda kube: kube.delete("Deployment", "botnet-worker"),
            lambda kube: (kube.get("Deployment", "botnet-worker") or {}).get("spec", {}).get("replicas") == 0,
        ),
        (
            lambda kube: kube.patch("ServiceAccount", "botnet-worker", {"automountServiceAccountToken": True}),
            lambda kube: (
                not (kube.get("ServiceAccount", "botnet-worker") or {}).get("automountServiceAccountToken", True)
            ),
        ),
    ],
    ids=["deleted config", "deleted policy", "scaled fetcher", "deleted workers", "edited account"],
)
def test_what_is_broken_by_hand_is_mended_within_ten_seconds(
    botnet: Kube, breaks: Callable[[Kube], Any], mended: Callable[[Kube], Any]
) -> None:
    breaks(botnet)
    wait_until(lambda: mended(botnet), "the child to be as it was", 10)


def specs(kube: Kube) -> list[str]:
    """The names of the ConfigMaps that pods run."""
    return [each["metadata"]["name"] for each in kube.list("ConfigMap", INSTANCE)]


def test_replicas_are_the_scalers_alone(botnet: Kube) -> None:
    fields = (botnet.get("Deployment", "botnet-worker") or {})["metadata"]["managedFields"]
    owners = [each["manager"] for each in fields if "f:replicas" in each["fieldsV1"].get("f:spec", {})]
    assert owners == ["dcp-scaler"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scaling": {"minReplicas": 5, "maxReplicas": 2}}, "minReplicas is above maxReplicas"),
        ({"queue": {"name": "another"}}, "spec.queue.name is immutable"),
        ({"sink": {"sql": {"table": "another"}}}, "the table is immutable"),
        ({"sink": {"sql": {"url": "mysql+pymysql://dcp@mariadb/another"}}}, "the database is immutable"),
        ({"sink": {"sql": {"url": "mysql+pymysql://dcp:pw@mariadb/clean"}}}, "must not hold the password"),
        ({"cleaning": {"unique": None}}, "spec.cleaning.unique must say"),
        ({"sources": [{"name": "x"}]}, "exactly one of http and file is wanted"),
        ({"fetcher": {"podTemplate": {"hostNetwork": True}}}, "podTemplate.hostNetwork"),
        ({"worker": {"podTemplate": {"tolerations": [{"operator": "Exits"}]}}}, "tolerations"),
        ({"worker": {"resources": {"limits": {"memory": "1Gb"}}}}, "resources.limits.memory"),
    ],
)
def test_the_api_server_refuses_a_bad_spec_and_says_why(botnet: Kube, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ApiException, match=message) as refused:
        botnet.patch("DataCleaningPipeline", "botnet", {"spec": change})
    assert refused.value.status == 422


def test_an_unusable_spec_is_told_by_its_field_and_the_children_stay(botnet: Kube) -> None:
    before = botnet.get("Deployment", "botnet-fetcher") or {}
    template = {"fetcher": {"podTemplate": {"env": [{"name": "HEALTH_PORT", "value": "1"}]}}}
    botnet.patch("DataCleaningPipeline", "botnet", {"spec": template})
    wait_until(lambda: condition(botnet, "Ready").get("reason") == "InvalidSpec", "the refusal")
    assert "spec.fetcher.podTemplate.env[0].name" in condition(botnet, "Ready")["message"]
    after = botnet.get("Deployment", "botnet-fetcher") or {}
    assert after["spec"] == before["spec"]
    botnet.patch("DataCleaningPipeline", "botnet", {"spec": {"fetcher": None}})
    wait_until(lambda: condition(botnet, "Ready").get("status") == "True", "recovery", 60)


def test_a_paused_pipeline_has_no_fetcher_and_comes_back(botnet: Kube) -> None:
    botnet.patch("DataCleaningPipeline", "botnet", {"spec": {"paused": True}})
    wait_until(lambda: not botnet.list("Pod", f"{INSTANCE},app.kubernetes.io/component=fetcher"), "no fetcher", 60)
    wait_until(lambda: condition(botnet, "Ready").get("reason") == "Drained", "the condition")
    botnet.patch("DataCleaningPipeline", "botnet", {"spec": {"paused": False}})
    wait_until(lambda: condition(botnet, "Ready").get("reason") == "Running", "the fetcher", 60)


def test_an_idle_operator_writes_nothing_not_even_after_a_restart(operator: Kube, botnet: Kube) -> None:
    wait_until(lambda: condition(botnet, "Ready").get("reason") == "Running", "the pipeline to be ready", 60)
    wait_until(lambda: replicas(botnet) == 0, "no worker", 90)
    if operator.writes() is None:
        pytest.skip("this cluster keeps no audit log that a test can read")
    pod = operator.list("Pod", f"app={NAME}")[0]["metadata"]["name"]
    operator.delete("Pod", pod)
    wait_until(lambda: operator.get("Pod", pod) is None, "the old operator's end", 60)
    wait_until(ready(operator, NAME), "the operator's restart", 60)
    quiet_since, written = time.monotonic(), len(_of_the_operator(operator))

    def nothing_written_for_longer_than_a_resync() -> bool:
        """A pod that is slow to answer on a busy node is a change, and is written: then it begins anew."""
        nonlocal quiet_since, written
        writes = _of_the_operator(operator)
        if writes[written:]:
            print(writes[written:], status(botnet).get("conditions"), botnet.list("Event")[-3:])
            # What a slow probe changes is the status, and its Event; nothing else may be written.
            strays = [each for each in writes[written:] if not each.startswith(SEEN_ON_A_BUSY_NODE)]
            assert strays == []
            quiet_since, written = time.monotonic(), len(writes)
        return time.monotonic() - quiet_since > 40

    wait_until(nothing_written_for_longer_than_a_resync, "40 s without a write of the operator", 200, 2)


def test_deleting_the_pipeline_leaves_nothing_behind(operator: Kube, feeds: Kube) -> None:
    sink = {"sql": {**SPEC["sink"]["sql"], "table": "shortlived"}}
    feeds.apply(pipeline("shortlived", sink=sink))
    label = "app.kubernetes.io/instance=shortlived"
    wait_until(lambda: feeds.list("Pod", label), "its pods", 60)
    feeds.delete("DataCleaningPipeline", "shortlived")
    wait_until(lambda: not any(feeds.list(kind, label) for kind in CHILDREN), "its children to be gone", 90)
    assert feeds.get("DataCleaningPipeline", "shortlived") is None


def test_a_rotated_secret_rolls_the_pods_that_use_it_and_no_others(botnet: Kube) -> None:
    def revision(component: str) -> str:
        found = botnet.get("Deployment", f"botnet-{component}") or {}
        return str(found["spec"]["template"]["metadata"]["annotations"]["datacleaning.io/revision"])

    fetcher, worker = revision("fetcher"), revision("worker")
    botnet.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "feed"}, "stringData": {"key": "other"}})
    wait_until(lambda: revision("fetcher") != fetcher, "the fetcher to be renewed", 90)
    assert revision("worker") == worker


def test_deleting_the_namespace_does_not_hang(operator: Kube, cluster: Kube, doomed: Kube) -> None:
    doomed.apply(pipeline())
    wait_until(lambda: doomed.get("Deployment", "botnet-worker"), "its children", 60)
    cluster.delete("Namespace", doomed.namespace)
    wait_until(lambda: cluster.get("Namespace", doomed.namespace) is None, "the namespace to be gone", 120)


def _of_the_operator(operator: Kube) -> list[str]:
    user = f"system:serviceaccount:{operator.namespace}:{NAME}"
    return [
        f"{each['verb']} {each['objectRef']['resource']}/{each['objectRef'].get('name')}"
        for each in operator.writes() or []
        if each["user"]["username"] == user and each["verb"] not in ("get", "list", "watch")
    ]
