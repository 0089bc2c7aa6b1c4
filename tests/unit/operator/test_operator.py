"""The operator's loops around a cluster in memory: what is written, when, and when not."""

from __future__ import annotations

from dcp_operator.children.run_spec import spec_name
from dcp_operator.cluster.api import ApiError
from dcp_operator.ground.kinds import CONFIG_MAP, DEPLOYMENT, PIPELINE, SECRET
from dcp_pipeline.observe.report import Expectation, Report
from dcp_pipeline.queue.model import QueueStats
from support.fake_cluster import FakeCluster
from support.fake_operator import KEY, Operator, change, condition, replicas
from support.pipelines import pipeline

SPEC = spec_name(pipeline())


async def test_a_new_pipeline_gets_its_children_and_a_status(operator: Operator, cluster: FakeCluster) -> None:
    made = [(kind, name) for verb, kind, name in cluster.writes if verb == "apply"]
    assert ("Deployment", "botnet-fetcher") in made
    assert len(made) == 9
    assert condition(cluster, "Ready") == ("False", "FetcherNotReady")
    assert replicas(cluster) == 0


async def test_with_nothing_to_do_nothing_is_written(operator: Operator, cluster: FakeCluster) -> None:
    cluster.writes.clear()
    for _ in range(3):
        await operator.settle()
    assert cluster.writes == []


async def test_an_operator_that_is_started_anew_writes_nothing_either(operator: Operator, cluster: FakeCluster) -> None:
    cluster.writes.clear()
    await Operator(cluster).settle()
    assert cluster.writes == []


async def test_a_child_deleted_or_changed_by_hand_is_restored(operator: Operator, cluster: FakeCluster) -> None:
    cluster.objects.pop((CONFIG_MAP.plural, "feeds", SPEC))
    fetcher = cluster.find(DEPLOYMENT, "botnet-fetcher") or {}
    cluster.put(DEPLOYMENT, fetcher | {"spec": {**fetcher["spec"], "replicas": 5}})
    cluster.writes.clear()
    await operator.settle()
    assert ("apply", "ConfigMap", SPEC) in cluster.writes
    assert (cluster.find(DEPLOYMENT, "botnet-fetcher") or {})["spec"]["replicas"] == 1


async def test_the_last_good_children_stay_when_the_spec_becomes_unusable(
    operator: Operator, cluster: FakeCluster
) -> None:
    before = cluster.find(CONFIG_MAP, SPEC)
    change(cluster, {"sink": {"sql": {"url": "sqlite:///x.db"}}})
    await operator.settle()
    assert condition(cluster, "Ready") == ("False", "InvalidSpec")
    assert cluster.find(CONFIG_MAP, SPEC) == before
    operator.queues.stats = QueueStats(ready=40)
    await operator.settle(2.0)
    assert replicas(cluster) == 2, "what is in the queue is still worked off"


async def test_a_missing_secret_is_named_and_found_when_it_comes(operator: Operator, cluster: FakeCluster) -> None:
    secret = cluster.objects.pop((SECRET.plural, "feeds", "feed"))
    await operator.settle()
    assert condition(cluster, "Ready") == ("False", "SecretMissing")
    cluster.put(SECRET, secret)
    await operator.settle()
    assert condition(cluster, "Ready") == ("False", "FetcherNotReady")


async def test_a_rotated_secret_rolls_the_pods(operator: Operator, cluster: FakeCluster) -> None:
    def revision() -> str:
        template = (cluster.find(DEPLOYMENT, "botnet-worker") or {})["spec"]["template"]
        return str(template["metadata"]["annotations"]["datacleaning.io/revision"])

    before = revision()
    secret = cluster.objects[SECRET.plural, "feeds", "redis"]
    cluster.put(SECRET, {**secret, "data": {**secret["data"], "of-somebody-else": "eA=="}})
    await operator.settle()
    assert revision() == before, "a key that is not used, or a version alone, rolls nothing"
    cluster.put(SECRET, {**secret, "data": {"password": "bmV3"}})
    await operator.settle()
    assert revision() != before


async def test_workers_follow_the_backlog_and_a_rollout_leaves_them_alone(
    operator: Operator, cluster: FakeCluster
) -> None:
    operator.queues.stats = QueueStats(ready=100)
    await operator.settle(2.0)
    assert replicas(cluster) == 3
    change(cluster, {"worker": {"maxAttempts": 9}})
    await operator.settle(2.0)
    assert replicas(cluster) == 3
    operator.queues.stats = QueueStats()
    await operator.settle(2.0)
    assert replicas(cluster) == 3
    for _ in range(4):
        await operator.settle(10.0)
    assert replicas(cluster) == 0
    assert cluster.events.count("Scaled") == 2
    status = (cluster.find(PIPELINE, "botnet") or {})["status"]
    assert status["scaling"]["reason"] == "the queue is empty"


async def test_a_paused_pipeline_drains_and_then_has_no_pods(operator: Operator, cluster: FakeCluster) -> None:
    change(cluster, {"paused": True, "scaling": {"minReplicas": 2}})
    operator.queues.stats = QueueStats(ready=40)
    await operator.settle(2.0)
    assert replicas(cluster) == 2
    assert (cluster.find(DEPLOYMENT, "botnet-fetcher") or {})["spec"]["replicas"] == 0
    operator.queues.stats = QueueStats()
    await operator.settle(2.0)
    for _ in range(4):
        await operator.settle(10.0)
    assert replicas(cluster) == 0


async def test_a_refused_child_is_told_in_the_status_and_stops_nothing_else(
    operator: Operator, cluster: FakeCluster
) -> None:
    cluster.failing["Deployment"] = ApiError(422, "spec.template.spec.volumes[4]: Invalid value")
    change(cluster, {"worker": {"maxAttempts": 9}})
    await operator.settle()
    assert condition(cluster, "Ready") == ("False", "ChildRejected")


async def test_an_api_that_fails_is_tried_again_and_the_pause_grows(operator: Operator, cluster: FakeCluster) -> None:
    cluster.failing["ConfigMap"] = ApiError(500, "etcd is away")
    change(cluster, {"worker": {"maxAttempts": 9}})
    await operator.settle()
    del cluster.failing["ConfigMap"]
    await operator.settle()
    changed = spec_name(pipeline({"worker": {"maxAttempts": 9}}))
    text = (cluster.find(CONFIG_MAP, changed) or {})["data"]["pipeline.json"]
    assert '"maxAttempts":9' in text
    operator.dirty.close()


async def test_a_queue_that_cannot_be_read_is_told_and_workers_are_held(
    operator: Operator, cluster: FakeCluster
) -> None:
    operator.queues.stats = QueueStats(ready=60)
    await operator.settle(2.0)
    operator.queues.stats = None
    await operator.settle(2.0)
    assert replicas(cluster) == 2
    assert condition(cluster, "ScalingActive")[0] == "True", "one look that failed is no news"
    await operator.settle(5.0)
    assert replicas(cluster) == 2
    assert condition(cluster, "ScalingActive") == ("False", "QueueUnreachable")


async def test_an_operator_that_has_stood_still_itself_takes_no_queue_for_gone(
    operator: Operator, cluster: FakeCluster
) -> None:
    """Without CPU for a minute: the look that was under way is overdue. All pipelines would be told of, and get
    workers of the fallback."""
    operator.queues.stats = QueueStats()
    await operator.settle()
    cluster.writes.clear()
    operator.queues.stats = None
    await operator.settle(60.0)
    operator.queues.stats = QueueStats()
    await operator.settle(2.0)
    assert cluster.writes == []
    assert condition(cluster, "ScalingActive")[0] == "True"
    operator.queues.stats = None
    await operator.settle(2.0)
    await operator.settle(60.0)
    assert condition(cluster, "ScalingActive") == ("False", "QueueUnreachable")
    assert replicas(cluster) == 1, "the fallback"


async def test_an_object_of_the_same_name_that_is_somebody_elses_is_not_touched(cluster: FakeCluster) -> None:
    theirs = cluster.put(CONFIG_MAP, {"metadata": {"name": SPEC, "namespace": "feeds"}, "data": {"a": "b"}})
    await Operator(cluster).settle()
    assert cluster.find(CONFIG_MAP, SPEC) == theirs
    assert condition(cluster, "Ready") == ("False", "ChildBlocked")


async def test_a_pipeline_that_is_gone_is_forgotten(operator: Operator, cluster: FakeCluster) -> None:
    for key in [each for each in cluster.objects if each[0] not in (SECRET.plural,)]:
        del cluster.objects[key]
    cluster.writes.clear()
    await operator.settle()
    assert cluster.writes == []
    assert operator.scaler.known(KEY) is None


async def test_events_are_not_repeated(operator: Operator, cluster: FakeCluster) -> None:
    for stats in (None, QueueStats(), None, QueueStats(), None):
        operator.queues.stats = stats
        await operator.settle(2.0)
        await operator.settle(4.0)
    assert cluster.events.count("QueueUnreachable") == 1


async def test_what_is_not_as_expected_is_a_condition_and_an_event_within_a_look(
    operator: Operator, cluster: FakeCluster
) -> None:
    async def told(met: bool, reason: str) -> None:
        expected = (Expectation("records", met, reason),)
        operator.queues.reports = {"fetcher": Report(at=operator.clock.now().timestamp() + 2, expected=expected)}
        operator.clock.seconds += 2
        await operator.scaler.run_once()
        await operator.drain()

    assert condition(cluster, "Expected") == ("Unknown", "NoReport")
    await told(True, "1,000 records came")
    assert condition(cluster, "Expected") == ("True", "AsExpected")
    await told(False, "3 records came")
    assert condition(cluster, "Expected") == ("False", "TooFewRecords")
    cluster.writes.clear()
    await told(False, "2 records came")
    assert cluster.writes == [], "numbers alone wait"
    await told(True, "1,000 records came")
    assert [each for each in cluster.events if each in ("TooFewRecords", "AsExpected")] == [
        "TooFewRecords",
        "AsExpected",
    ]
