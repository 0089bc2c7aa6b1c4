"""The faults. Each returns when it has struck and what it struck is there again; recovering is the pipeline's."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from functools import partial

from e2e.chaos.flow import number_of
from e2e.chaos.plan import Fault
from e2e.chaos.scene import IMAGES, Scene
from e2e.operator.kube import Kube, ready
from e2e.support.botnet import FETCHER, INSTANCE, WORKERS, Document
from e2e.support.node import signal_pod
from e2e.support.outage import redis_closed
from e2e.support.stage import is_ready, wait_for
from support.waiting import wait_until

WITHIN_SECONDS = 90


def workers_deleted(scene: Scene, draw: float) -> None:
    """All of them, with the grace that they ask for."""
    _delete(scene.stage.kube, WORKERS, None)


def workers_killed(scene: Scene, draw: float) -> None:
    """All of them, as by a node that goes down."""
    _delete(scene.stage.kube, WORKERS, 0)


def fetcher_killed(scene: Scene, draw: float) -> None:
    """The API server forgets it at once: the next one may start before this one has ended."""
    _delete(scene.stage.kube, FETCHER, 0)


def operator_killed(scene: Scene, draw: float) -> None:
    _delete(scene.stage.operators, f"app={scene.stage.operator_name}", 0)


def redis_restarted(scene: Scene, draw: float) -> None:
    """It comes back empty."""
    _delete(scene.stage.kube, "app=redis", 0)


def mariadb_killed(scene: Scene, draw: float) -> None:
    """Its process, not its pod: what it wrote is in the pod's emptyDir."""
    kube = scene.stage.kube
    (pod,) = kube.list("Pod", "app=mariadb")
    before = _restarts(pod)
    signal_pod(scene.node, pod, "mariadbd", "SIGKILL")
    wait_for(lambda: _restarts(kube.list("Pod", "app=mariadb")[0]) > before, "MariaDB to be started anew")
    wait_for(ready(kube, "mariadb"), "MariaDB to recover", WITHIN_SECONDS)


def node_drained(scene: Scene, draw: float) -> None:
    """Every pod of the pipeline, Redis and the operator are evicted, as their budgets let them go.

    Not MariaDB and the feed, whose emptyDirs are the only place of what they hold. The node is cordoned only where
    nobody else needs it; and as there is no other, it is opened after everybody was asked once: what is left waits for
    a budget, and that for a place for the pod which went first.
    """
    kubes = (scene.stage.kube, INSTANCE), (scene.stage.kube, "app=redis"), (scene.stage.operators, "")
    asked = [(kube, pod) for kube, label in kubes for pod in kube.list("Pod", label)]
    node = asked[0][1]["spec"]["nodeName"]
    if scene.cordons:
        scene.node.patch("Node", node, {"spec": {"unschedulable": True}})
    try:
        left = [each for each in asked if not _evicted(*each)]
    finally:
        if scene.cordons:
            scene.node.patch("Node", node, {"spec": {"unschedulable": None}})
    for each in left:
        wait_for(partial(_evicted, *each), "the budget to let a worker go", WITHIN_SECONDS)
    for kube, label in kubes:
        _renewed(kube, label, [pod for _, pod in asked])


def redis_is_closed(scene: Scene, draw: float) -> None:
    """Until the operator has noticed."""

    def noticed() -> bool:
        return bool(scene.stage.condition("ScalingActive").get("reason") == "QueueUnreachable")

    with redis_closed(scene.stage.kube, scene.client):
        wait_for(noticed, "the operator to see it")


def release_upgraded(scene: Scene, draw: float) -> None:
    """Another version of chart and images: the operator is renewed, and renews fetcher and workers."""
    before = [*scene.stage.kube.list("Pod", INSTANCE)]
    known = [each["names"] for each in scene.node.list("Node")[0]["status"]["images"]]
    images = [f"images.{name}={_other_name(image, known)}" for name, image in IMAGES.items()]
    scene.release("upgrade --reset-then-reuse-values", "log.level=debug", *images)
    _renewed(scene.stage.kube, INSTANCE, before, 2 * WITHIN_SECONDS)


def replay_killed(scene: Scene, draw: float) -> None:
    """After one to four of its transactions, each of which is of one object; then it is repeated."""
    transactions = 1 + int(draw * 4)
    wait_for(lambda: _count(scene, _MENDABLE_OBJECTS) > 2 * transactions, "rejects of several objects", WITHIN_SECONDS)
    if not _replayed_half_way(scene, transactions):
        # It came to its end. There is less to do for each that follows.
        wait_for(lambda: _replayed_half_way(scene, 1), "a replay that can be killed", WITHIN_SECONDS)
    replay_all(scene)


def replay_all(scene: Scene) -> None:
    """To its end, which says that the books balance."""
    process = scene.dcp("rejects", "replay")
    assert process.wait() == 0, process.out() + process.err()


PLAYED: Mapping[Fault, Callable[[Scene, float], None]] = {
    Fault.WORKERS_DELETED: workers_deleted,
    Fault.WORKERS_KILLED: workers_killed,
    Fault.FETCHER_KILLED: fetcher_killed,
    Fault.OPERATOR_KILLED: operator_killed,
    Fault.NODE_DRAINED: node_drained,
    Fault.REDIS_RESTARTED: redis_restarted,
    Fault.REDIS_CLOSED: redis_is_closed,
    Fault.MARIADB_KILLED: mariadb_killed,
    Fault.RELEASE_UPGRADED: release_upgraded,
    Fault.REPLAY_KILLED: replay_killed,
}


_MENDABLE_OBJECTS = "SELECT COUNT(DISTINCT object_id) FROM dcp_rejects WHERE state = 'open' AND field = 'src_port'"


def _replayed_half_way(scene: Scene, transactions: int) -> bool:
    """Whether a replay was killed after so many; on a quick machine it may have come to its end before."""
    before = _count(scene, "SELECT COUNT(*) FROM dcp_batches WHERE kind = 'replay'")
    process = scene.dcp("rejects", "replay")

    def far_enough() -> bool:
        entries = _count(scene, "SELECT COUNT(*) FROM dcp_batches WHERE kind = 'replay'")
        return entries >= before + transactions or process.process.poll() is not None

    wait_until(far_enough, "the replay to be under way", WITHIN_SECONDS)
    process.kill()
    return process.process.returncode == -signal.SIGKILL


def _count(scene: Scene, query: str) -> int:
    return number_of(scene.stage.database, query) or 0


def _delete(kube: Kube, label: str, grace_seconds: int | None) -> None:
    pods: list[Document] = []

    def found() -> bool:
        pods[:] = kube.list("Pod", label)
        return bool(pods)

    wait_for(found, f"a pod {label}")
    for pod in pods:
        kube.delete("Pod", pod["metadata"]["name"], grace_seconds)
    _renewed(kube, label, pods)


def _renewed(kube: Kube, label: str, before: list[Document], within_seconds: float = WITHIN_SECONDS) -> None:
    """Wait until none of these pods is there any more, and those that are there are ready."""
    old = {pod["metadata"]["uid"] for pod in before}

    def check() -> bool:
        now = kube.list("Pod", label)
        return bool(now) and all(pod["metadata"]["uid"] not in old and is_ready(pod) for pod in now)

    wait_for(check, f"other pods {label or kube.namespace}", within_seconds)


def _evicted(kube: Kube, pod: Document) -> bool:
    return kube.evict(pod["metadata"]["name"])


def _restarts(pod: Document) -> int:
    return sum(each["restartCount"] for each in pod["status"].get("containerStatuses", []))


def _other_name(image: str, known: list[list[str]]) -> str:
    """Another name by which the node has the very same image: to Kubernetes it is another image."""
    (names,) = (each for each in known if any(name == image or name.endswith(f"/{image}") for name in each))
    # By a digest it may have been imported under a name that nobody can pull by.
    return next(name for name in sorted(names, key=lambda name: "@" in name) if name != image)
