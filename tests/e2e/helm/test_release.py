"""A release's life on a real cluster, by the very commands of docs/kubernetes.md. The tests follow each other."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from e2e.helm.shell import ROOT, Shell, shell
from support.waiting import wait_until

SAMPLE = "manifests/samples/botnet"
RECORDS_PER_FILE = 2000
POLL_SECONDS = 0.5
STORY = (
    "kubectl get pods,deployments,dcp -o wide --namespace demo",
    "kubectl get dcp botnet -o yaml --namespace demo",
    "kubectl logs deployment/botnet-fetcher --tail=30 --namespace demo",
    "kubectl logs deployment/botnet-worker --tail=30 --namespace demo",
    "kubectl logs deployment/dcp-operator --tail=30 --namespace dcp-system",
)
"""What is shown when a test fails."""


def images_elsewhere(names: Sequence[str]) -> dict[str, str]:
    """Those of these images that the environment names for a cluster of somebody's own (make/e2e.mk)."""
    found = {name: os.environ.get(f"E2E_{name.upper()}_IMAGE") for name in names}
    return {name: image for name, image in found.items() if image}


def sample(folder: Path) -> str:
    """The sample's folder; or an overlay on it, where its images are elsewhere."""
    elsewhere = images_elsewhere(("feed", "mariadb", "redis"))
    if not elsewhere:
        return SAMPLE
    images = []
    for name, image in elsewhere.items():
        repository, _, tag = image.rpartition(":")
        images.append({"name": f"dcp-e2e/{name}", "newName": repository, "newTag": tag})
    overlay = {"resources": [os.path.relpath(ROOT / SAMPLE, folder)], "images": images}
    (folder / "kustomization.yaml").write_text(json.dumps(overlay))
    return str(folder)


@pytest.fixture(scope="module")
def sh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """The guide, followed to a pipeline that is applied, in namespaces of the test's own and with rights only there."""
    tag = uuid.uuid4().hex[:5]
    demo, system = f"helm-demo-{tag}", f"helm-system-{tag}"
    own = f"--take-ownership --set 'watchNamespaces={{{demo}}}'"
    for name, image in images_elsewhere(("operator", "fetcher", "worker")).items():
        own += f" --set images.{name}={image}"
    sh = shell({
        "helm install dcp": f"helm install dcp {own}",
        SAMPLE: sample(tmp_path_factory.mktemp("sample")),
        "kubectl create namespace demo": f"kubectl get namespace {demo}",  # a Role needs it before the release does
        "dcp-system": system,
        "demo": demo,
    })  # fmt: skip
    for namespace in (demo, system):
        sh.run(f"kubectl create namespace {namespace}")
        sh.run(f"kubectl label namespace {namespace} pod-security.kubernetes.io/enforce=restricted")
    # Tests beside this one bring the CRD too, and Helm fails where it appears between its look and its creation.
    sh.run("kubectl apply --server-side --force-conflicts -k manifests/crd")
    try:
        for command in sh.guided("Install") + sh.guided("A pipeline to try")[:1]:
            sh.run(command)
        yield sh
    finally:
        sh.attempt(f"helm uninstall dcp --namespace {system} --ignore-not-found")
        sh.attempt(f"kubectl delete namespace {demo} {system} --ignore-not-found --wait=false")


@pytest.fixture(autouse=True)
def story(sh: Shell, request: pytest.FixtureRequest) -> Iterator[None]:
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed:
        for command in STORY:
            told = sh.attempt(sh.here(command))
            print(f"$ {command}\n{told.stdout[-6000:]}{told.stderr[-500:]}")


def table(text: str) -> list[dict[str, str]]:
    """The rows of a table as the MariaDB client draws it."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def books(sh: Shell) -> list[dict[str, str]]:
    """One line per file, by the guide's query; none as long as there are no tables."""
    asked = sh.attempt(sh.guided("A pipeline to try")[2])
    return table(asked.stdout)


def balanced(sh: Shell, files: int) -> bool:
    """Whether that many files are in the books, every record of them accounted for."""
    found = books(sh)
    return len(found) == files and all(
        int(each["read"]) == RECORDS_PER_FILE
        and "NULL" not in each.values()
        and sum(int(each[part]) for part in ("written", "duplicates", "rejected", "filtered", "dead"))
        == RECORDS_PER_FILE
        for each in found
    )


def deployments(sh: Shell) -> dict[str, dict[str, Any]]:
    """The pipeline's two: who they are, how often their specs were changed, how many pods they are to have."""
    items = sh.read(sh.here("get deployments -l app.kubernetes.io/instance=botnet --namespace demo"))["items"]
    return {
        each["metadata"]["name"]: {
            "uid": each["metadata"]["uid"],
            "generation": each["metadata"]["generation"],
            "replicas": each["spec"]["replicas"],
        }
        for each in items
    }


def set_workers(sh: Shell, count: int) -> None:
    """Ask for exactly so many, and wait until they are ready."""
    patch = f'{{"spec": {{"scaling": {{"minReplicas": {count}, "maxReplicas": {count}}}}}}}'
    sh.run(sh.here(f"kubectl patch dcp botnet --type=merge -p '{patch}' --namespace demo"))
    get = sh.here("get deployment botnet-worker --namespace demo")

    def ready() -> bool:
        found = sh.read(get)
        return bool(found["spec"]["replicas"] == count == found["status"].get("readyReplicas"))

    wait_until(ready, f"{count} workers", 60, POLL_SECONDS)


def operator_pods(sh: Shell) -> set[str]:
    items = sh.read(sh.here("get pods -l app.kubernetes.io/name=dcp-operator --namespace dcp-system"))["items"]
    return {str(each["metadata"]["uid"]) for each in items}


def test_the_sample_s_books_balance_and_its_rows_are_in_the_table(sh: Shell) -> None:
    wait_until(lambda: balanced(sh, 2), "the books of two files", 150, POLL_SECONDS)
    rows = table(sh.run(sh.guided("A pipeline to try")[1]))
    assert len(rows) == 5
    assert all(each["family"] == each["family"].lower() and len(each["src_country"]) == 2 for each in rows)
    count = sh.guided("A pipeline to try")[1].replace("seen_at, src_ip, family, src_country", "COUNT(*) AS n")
    assert int(table(sh.run(count))[0]["n"]) == sum(int(each["written"]) for each in books(sh))


def test_another_file_is_cleaned_when_it_arrives(sh: Shell) -> None:
    sh.run(sh.guided("A pipeline to try")[3])
    wait_until(lambda: balanced(sh, 3), "the books of three files", 90, POLL_SECONDS)


def test_a_spec_that_cannot_work_is_refused_with_its_place(sh: Shell) -> None:
    patch = '[{"op": "replace", "path": "/spec/sink/sql/table", "value": "other"}]'
    refused = sh.attempt(sh.here(f"kubectl patch dcp botnet --type=json -p '{patch}' --namespace demo"))
    assert refused.returncode != 0
    assert "spec.sink.sql.table" in refused.stderr
    assert "immutable" in refused.stderr


def test_an_upgrade_rolls_the_operator_and_leaves_the_pipeline_alone(sh: Shell) -> None:
    set_workers(sh, 2)
    before, old = deployments(sh), operator_pods(sh)
    for command in sh.guided("Upgrade"):
        sh.run(command)
    wait_until(lambda: not operator_pods(sh) & old, "the former operators to be gone", 60, POLL_SECONDS)
    assert len(operator_pods(sh)) == 2
    # A generation counts every change of a spec, replicas included: one for the change that is asked for here.
    set_workers(sh, 1)
    after = deployments(sh)
    assert after["botnet-fetcher"] == before["botnet-fetcher"]
    worker = before["botnet-worker"]
    assert after["botnet-worker"] == {**worker, "generation": worker["generation"] + 1, "replicas": 1}


def test_uninstalling_leaves_the_pipeline_and_installing_again_adopts_it(sh: Shell) -> None:
    before = deployments(sh)
    sh.run(sh.guided("Uninstall, and install again")[0])
    assert sh.read(sh.here("get dcp botnet --namespace demo"))["status"]["conditions"]
    assert deployments(sh) == before
    for command in sh.guided("Install"):
        sh.run(command)
    set_workers(sh, 2)
    worker = before["botnet-worker"]
    assert deployments(sh) == {
        **before,
        "botnet-worker": {**worker, "generation": worker["generation"] + 1, "replicas": 2},
    }


def test_without_an_operator_a_pipeline_and_its_namespace_can_be_deleted(sh: Shell) -> None:
    for command in sh.guided("Uninstall, and install again"):
        sh.run(command)
    assert sh.attempt(sh.here("kubectl get namespace demo")).returncode != 0
