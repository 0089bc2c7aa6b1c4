"""A stage: a namespace with Redis, MariaDB and a feed, an operator of its own beside it, and ways in for the test."""

from __future__ import annotations

import subprocess
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Engine

from dcp_pipeline.ledger import connect
from e2e.operator import install
from e2e.operator.kube import Kube, ready
from e2e.support.botnet import NAME, WORKERS, Document
from e2e.support.forward import forwarded
from support.dcp_process import EXAMPLES, DcpProcess
from support.waiting import wait_until

CRDS = [Path(__file__).parents[3] / f"manifests/crd/datacleaning{each}.yaml" for each in ("pipelines", "tasks")]
PASSWORD = "secret"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
POLL_SECONDS = 0.25
GONE_WITHIN_SECONDS = 150
PIPELINES = "app.kubernetes.io/part-of=data-cleaning-pipelines"


@dataclass(frozen=True)
class Stage:
    """`kube` is the namespace of servers and pipelines, `operators` that of the operator."""

    kube: Kube
    operators: Kube
    operator_name: str
    database: Engine
    database_port: int
    queue_port: int
    feed_port: int
    command: list[str]
    """kubectl, for what is shown when a test fails."""

    def put(self, path: Path, name: str) -> None:
        """A file into the feed."""
        url = f"http://127.0.0.1:{self.feed_port}/{name}"
        request = urllib.request.Request(url, data=path.read_bytes(), method="PUT")
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 201

    def start(self, document: Document) -> None:
        """Apply a pipeline, and wait until it is ready."""
        self.kube.apply(document)
        wait_for(lambda: self.condition("Ready").get("status") == "True", "the pipeline to be ready", 120)

    def status(self) -> Document:
        """The pipeline's."""
        found: Document = (self.kube.get("DataCleaningPipeline", NAME) or {}).get("status", {})
        return found

    def condition(self, kind: str) -> Document:
        return next((each for each in self.status().get("conditions", []) if each["type"] == kind), {})

    def deployment(self) -> Document:
        """Of the workers."""
        return self.kube.get("Deployment", f"{NAME}-worker") or {}

    def replicas(self) -> int | None:
        """How many workers there are to be; None while their Deployment is not there."""
        found: int | None = self.deployment().get("spec", {}).get("replicas")
        return found

    def ready_workers(self) -> list[Document]:
        """The pods that are ready and not on their way out."""
        return [each for each in self.kube.list("Pod", WORKERS) if is_ready(each)]

    def events(self, reason: str) -> list[str]:
        """What the Events of this reason say, oldest first."""
        found = [each for each in self.kube.list("Event") if each.get("reason") == reason]
        return [each["note"] for each in sorted(found, key=lambda each: str(each["eventTime"]))]

    def dcp(self, command: str, document: Document, folder: Path) -> Document:
        """What `dcp verify` or `dcp status`, run here, says of the pipeline in the cluster."""
        process = self.start_dcp((command,), document, folder)
        assert process.wait() == 0, process.out() + process.err()
        return process.answer()

    def start_dcp(self, words: Sequence[str], document: Document, folder: Path) -> DcpProcess:
        """`dcp WORDS SPEC`, started here, with this machine's ways to the cluster's database and Redis."""
        folder.mkdir(parents=True, exist_ok=True)
        spec = folder / "cluster.yaml"
        spec.write_text(yaml.safe_dump(document))
        sink = f"mysql+pymysql://dcp@127.0.0.1:{self.database_port}/clean"
        servers = ("--sink", sink, "--redis", f"redis://127.0.0.1:{self.queue_port}/0")
        env = {"DCP_SECRET_MARIADB_PASSWORD": PASSWORD, "DCP_SECRET_REDIS_PASSWORD": PASSWORD}
        return DcpProcess(folder, *words, str(spec), *servers, "-o", "json", env=env)

    def kill_operator(self) -> None:
        """Without grace, as by a node that goes down. Its Deployment starts another one."""
        for pod in self.operators.list("Pod", f"app={self.operator_name}"):
            self.operators.delete("Pod", pod["metadata"]["name"], grace_seconds=0)

    def operator_is_ready(self) -> bool:
        """Whether the cluster was listed and is watched."""
        return ready(self.operators, self.operator_name)()

    def run_operators(self, count: int) -> None:
        """None, or one; and wait until it is so."""
        self.operators.patch("Deployment", self.operator_name, {"spec": {"replicas": count}})
        label = f"app={self.operator_name}"
        wait_for(lambda: len(self.operators.list("Pod", label)) == count, f"{count} operators", 120)
        wait_for(self.operator_is_ready, "the operator", 120)

    def story(self) -> str:
        """What went on, for whoever reads a failed test."""
        told = []
        for namespace, words in (
            (self.kube.namespace, "get pods,deployments,dcp -o wide"),
            (self.kube.namespace, f"get dcp {NAME} -o yaml"),
            (self.kube.namespace, "get events --sort-by=.lastTimestamp"),
            (self.kube.namespace, f"get pods -l {WORKERS} -o jsonpath={{.items[*].status.containerStatuses}}"),
            (self.kube.namespace, f"logs -l {WORKERS} --tail=40 --prefix"),
            (self.kube.namespace, f"logs -l {WORKERS} --tail=40 --prefix --previous"),
            (self.kube.namespace, f"logs deployment/{NAME}-fetcher --tail=40"),
            (self.operators.namespace, f"logs deployment/{self.operator_name} --tail=60"),
        ):
            done = subprocess.run([*self.command, "-n", namespace, *words.split()], capture_output=True, text=True)
            told.append(f"--- kubectl {words}\n{done.stdout[-8000:]}{done.stderr[-500:]}")
        return "\n".join(told)


@contextmanager
def staged(
    cluster: Kube,
    command: list[str],
    title: str,
    operator_memory: str = install.OPERATOR_MEMORY,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Stage]:
    """A stage, ready for pipelines; when the block ends its namespaces are deleted, pipelines and all, and gone.

    `settings` are the operator's, beside those that it needs.
    """
    name = f"pipe-{title}-{uuid.uuid4().hex[:5]}"
    install_crd(cluster)
    kube, operators = namespace(cluster, name, RESTRICTED), namespace(cluster, f"{name}-operator", RESTRICTED)
    rights = install.rights(name, operators.namespace)
    try:
        _servers(kube)
        for document in rights:
            operators.apply(document)
        watched = [kube.namespace]
        operators.apply(install.deployment(name, operators.namespace, watched, operator_memory, settings or {}))
        for each in ("redis", "mariadb", "feed"):
            wait_for(ready(kube, each), f"the {each} of the tests (make images-load)", 120)
        wait_for(ready(operators, name), "the operator (make images-load)", 120)
        with ExitStack() as stack:
            port = stack.enter_context(forwarded(command, kube.namespace, "mariadb", 3306))
            queue = stack.enter_context(forwarded(command, kube.namespace, "redis", 6379))
            feed = stack.enter_context(forwarded(command, kube.namespace, "feed", 8000))
            engine = connect(f"mysql+pymysql://dcp@127.0.0.1:{port}/clean", password=PASSWORD)
            stack.callback(engine.dispose)
            stage = Stage(kube, operators, name, engine, port, queue, feed, command)
            stage.put(EXAMPLES / "country.mmdb", "country.mmdb")
            # So that there is a folder to be listed: a source that is not found keeps the fetcher from being ready.
            stage.put(EXAMPLES / "botnet.yaml", "sinkhole/README")
            yield stage
    finally:
        # With the operator still there: it must not make anew what goes with its namespace.
        try:
            _without_pipelines(kube)
        finally:
            cluster.delete("Namespace", kube.namespace)
        try:
            gone(cluster, kube.namespace)
        finally:
            cluster.delete("Namespace", operators.namespace)
            for document in rights:
                operators.delete(document["kind"], document["metadata"]["name"])
        gone(cluster, operators.namespace)


def _without_pipelines(kube: Kube) -> None:
    """Pipelines and their pods gone, the pods without grace.

    A namespace's controller that still finds a pod comes back after half of that pod's grace period, whenever the pod
    ended: minutes, for a worker that may take a whole batch's time.
    """
    pipelines = kube.list("DataCleaningPipeline")
    for each in pipelines:
        kube.delete("DataCleaningPipeline", each["metadata"]["name"])
    for kind in ("Deployment", "ReplicaSet", "Pod"):
        wait_for(partial(_ended, kube, kind), f"the end of the pipelines' {kind}s", 60 + len(pipelines))


def _ended(kube: Kube, kind: str) -> bool:
    left = kube.list(kind, PIPELINES)
    for each in left if kind == "Pod" else ():
        kube.delete(kind, each["metadata"]["name"], grace_seconds=0)
    return not left


def namespace(cluster: Kube, name: str, labels: dict[str, str]) -> Kube:
    """A new namespace, in which pods can be made."""
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    kube = cluster.in_namespace(name)
    wait_for(lambda: kube.get("ServiceAccount", "default"), "the namespace's default account")
    return kube


def gone(cluster: Kube, name: str) -> None:
    """A namespace that does not go is a finding: nothing of ours may hold it up."""
    wait_for(lambda: cluster.get("Namespace", name) is None, f"the end of namespace {name}", GONE_WITHIN_SECONDS)


def install_crd(cluster: Kube) -> None:
    """The CRDs of this work tree, served."""
    for path in CRDS:
        document = yaml.safe_load(path.read_text())
        cluster.apply(document)
        wait_for(established(cluster, document["metadata"]["name"]), f"{path.stem} to be served")


def established(cluster: Kube, name: str) -> Callable[[], bool]:
    """Whether a CRD is served."""

    def check() -> bool:
        found = cluster.get("CustomResourceDefinition", name) or {}
        conditions = found.get("status", {}).get("conditions") or []
        return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)

    return check


def wait_for(condition: Any, what: str, within_seconds: float = 60) -> None:
    """wait_until, asking an API server that others ask too."""
    wait_until(condition, what, within_seconds, POLL_SECONDS)


def _servers(kube: Kube) -> None:
    for name in ("redis", "mariadb"):
        metadata = {"name": name}
        kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"password": PASSWORD}})
    for document in install.servers():
        kube.apply(document)


def is_ready(pod: Document) -> bool:
    """And not on its way out."""
    conditions = pod.get("status", {}).get("conditions") or ()
    ready_now = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return ready_now and "deletionTimestamp" not in pod["metadata"]
