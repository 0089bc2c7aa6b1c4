"""A stage on which everything may be struck: the operator as Helm installs it, and ways in that outlast a pod."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import redis
import yaml

from dcp_pipeline.ledger import connect
from dcp_pipeline.queue import UNREACHABLE, Queue
from dcp_pipeline.queue import connect as connect_queue
from e2e.helm.shell import Shell, shell
from e2e.operator import install
from e2e.operator.kube import Kube
from e2e.support.botnet import FEED, NAME, Document, resource
from e2e.support.forward import lasting
from e2e.support.stage import PASSWORD, Stage, gone, namespace, wait_for
from support.databases import OF_DRIVERS
from support.dcp_process import DcpProcess

CHART = "charts/dcp-operator"
RELEASE = "dcp-operator"
PRIVILEGED = {"pod-security.kubernetes.io/enforce": "privileged"}
STRICTEST_PORT = 60_000
"""The pipeline's rule until it is mended: about 8 % of the feed's ports are above. Replays clean by the example's."""
IMAGES = {
    "operator": install.OPERATOR_IMAGE,
    "fetcher": install.FETCHER_IMAGE,
    "worker": install.WORKER_IMAGE,
}


@dataclass(frozen=True)
class Scene:
    """`node` is a namespace whose pods may see the node's processes, `folder` where files may be written."""

    stage: Stage
    node: Kube
    helm: Shell
    queue: Queue
    client: redis.Redis
    document: Document
    """By the mended rule."""
    folder: Path
    cordons: bool
    """Whether a drain may close the node to everybody meanwhile."""

    @property
    def pipeline(self) -> str:
        """Its key in the ledger."""
        return f"{self.stage.kube.namespace}/{NAME}"

    def in_hands(self) -> int:
        """Batches that workers hold; none where nobody can tell."""
        try:
            return self.queue.stats().inflight
        except UNREACHABLE:
            return 0

    def dcp(self, *words: str) -> DcpProcess:
        """`dcp WORDS SPEC` by the mended rule, on this machine."""
        from_here = yaml.safe_dump(self.document).replace(FEED, f"http://127.0.0.1:{self.stage.feed_port}/")
        return self.stage.start_dcp(words, yaml.safe_load(from_here), self.folder / "dcp")

    def release(self, verb: str, *settings: str) -> None:
        """`helm VERB` of the operator's release; returns when the operator is ready."""
        words = [f"helm {verb} dcp {CHART} --namespace {self.stage.operators.namespace} --wait --timeout 80s"]
        self.helm.run(" ".join([*words, *(f"--set {shlex.quote(each)}" for each in settings)]))


@contextmanager
def scene_on(staged: Stage, folder: Path, cordons: bool) -> Iterator[Scene]:
    """The pipeline on this stage, ready, until the block ends."""
    kube, command = staged.kube, staged.command
    with ExitStack() as stack:
        ports = {
            name: stack.enter_context(lasting(command, kube.namespace, name, port))
            for name, port in (("mariadb", 3306), ("redis", 6379))
        }
        database = connect(
            f"mysql+pymysql://dcp@127.0.0.1:{ports['mariadb']}/clean", password=PASSWORD, read_timeout_seconds=30
        )
        stack.callback(database.dispose)
        client = connect_queue(f"redis://127.0.0.1:{ports['redis']}/0", password=PASSWORD)
        stack.callback(client.close)
        stage = replace(
            staged,
            operator_name=RELEASE,
            database=database,
            database_port=ports["mariadb"],
            queue_port=ports["redis"],
        )
        node = stack.enter_context(_node(staged))
        queue = Queue(client, f"{kube.namespace}.{NAME}")
        scene = Scene(stage, node, shell(), queue, client, _document(kube.namespace), folder, cordons)
        staged.operators.delete("Deployment", staged.operator_name)
        scene.release("install", *_settings(stage))
        stage.start(_strict(scene.document))
        wait_for(lambda: _answers(scene), "ways to the database and to Redis")
        yield scene


@contextmanager
def _node(stage: Stage) -> Iterator[Kube]:
    kube = namespace(stage.kube, f"{stage.kube.namespace}-node", PRIVILEGED)
    try:
        yield kube
    finally:
        kube.delete("Namespace", kube.namespace)
    gone(kube, kube.namespace)


def _settings(stage: Stage) -> Iterator[str]:
    yield f"watchNamespaces={{{stage.kube.namespace}}}"
    # What belongs to the whole cluster is there already, and other tests' too.
    yield "crd.install=false"
    yield "rbac.aggregate=false"
    yield f"podLabels.app={RELEASE}"
    for name, image in IMAGES.items():
        yield f"images.{name}={image}"


def _document(namespace: str) -> Document:
    return resource(
        namespace,
        fetcher={"batch": {"maxRecords": 50}},
        queue={"lease": "5s"},
        # Workers die here more often than a batch is declared dead for.
        worker={"concurrency": 1, "maxCrashes": 100},
        scaling={"minReplicas": 2, "maxReplicas": 2},
    )


def _strict(document: Document) -> Document:
    """The same by the rule that is still to be mended."""
    strict: Document = yaml.safe_load(yaml.safe_dump(document))
    (port,) = (each for each in strict["spec"]["cleaning"]["fields"] if each["name"] == "src_port")
    port["constraints"]["maximum"] = STRICTEST_PORT
    return strict


def _answers(scene: Scene) -> bool:
    try:
        scene.stage.database.connect().close()
        scene.client.ping()
    except (*OF_DRIVERS, *UNREACHABLE):
        return False
    return True
