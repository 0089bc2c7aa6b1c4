"""The chart's page in a real cluster, opened in a browser through the API server's own proxy, by an account of its own."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from e2e.helm.shell import KUBE_VERSION, ROOT, Shell, shell
from e2e.helm.test_release import images_elsewhere
from support.ui_browser import browser
from support.ui_cluster import resource, status
from support.waiting import wait_until


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[Shell, str]]:
    """A namespace that lets in only pods of the restricted profile, with the page and nothing else of the release."""
    sh, namespace = shell(), f"ui-{uuid.uuid4().hex[:6]}"
    image = "".join(f" --set images.ui={each}" for each in images_elsewhere(("ui",)).values())
    sh.run("kubectl apply --server-side --force-conflicts -f manifests/crd/datacleaningpipelines.yaml")
    sh.run(f"kubectl create namespace {namespace}")
    sh.run(f"kubectl label namespace {namespace} pod-security.kubernetes.io/enforce=restricted")
    try:
        sh.run(
            f"helm template dcp charts/dcp-operator --namespace {namespace} --show-only templates/ui.yaml --kube-version {KUBE_VERSION}"
            f" --set images.repository=dcp-e2e --set images.tag=e2e --set ui.enabled=true{image}"
            f" --set 'watchNamespaces={{{namespace}}}' | kubectl apply --namespace {namespace} -f -"
        )
        sh.run(f"kubectl rollout status deployment/dcp-operator-ui --namespace {namespace} --timeout 80s")
        yield sh, namespace
    finally:
        sh.attempt(f"kubectl delete namespace {namespace} --wait=false")


def create(sh: Shell, namespace: str, name: str, seen: dict[str, Any]) -> None:
    """A pipeline that no operator looks after (another's instance), with a status of the test's own."""
    made = resource(f"{namespace}/{name}", None)
    made["spec"] |= {
        "sources": [{"name": "files", "http": {"url": "http://feed.example/"}}],
        "cleaning": {"fields": [{"name": "id"}], "unique": ["id"]},
        "queue": {"redis": {"url": "redis://redis:6379/0"}},
        "sink": {"sql": {"url": "mysql+pymysql://dcp@mariadb/clean", "table": "t"}},
    }
    for options, document in (("", made), (" --subresource=status", {**made, "status": seen})):
        command = ["kubectl", "apply", "--server-side", "--force-conflicts", *options.split(), "-f", "-"]
        done = subprocess.run(
            command,
            input=json.dumps(document),
            cwd=ROOT,
            env=sh.environment,
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def api_proxy(sh: Shell) -> Iterator[str]:
    """`kubectl proxy`, which authenticates to the API server as whoever runs it."""
    command = ["kubectl", "proxy", "--port=0"]
    with subprocess.Popen(command, env=sh.environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"127\.0\.0\.1:\d+", process.stdout.readline())
            assert found, "kubectl proxy did not say where it serves"
            yield f"http://{found[0]}"
        finally:
            process.terminate()


def test_it_is_opened_through_the_api_server_s_proxy_and_shows_what_is_not_as_expected(
    place: tuple[Shell, str],
) -> None:
    sh, namespace = place
    create(sh, namespace, "botnet", status(Expected=("False", "source files is quiet for 30 h; 26h is expected")))

    async def look(url: str) -> tuple[str, str, list[str]]:
        async with browser() as chromium:
            page = await chromium.new_page(locale="en", reduced_motion="reduce")
            page.set_default_timeout(60_000)
            complaints: list[str] = []
            page.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
            await page.goto(url)
            await page.get_by_role("link", name=f"{namespace}/botnet").click()
            await page.get_by_role("heading", name="botnet").wait_for()
            await page.wait_for_load_state("load")  # its words come before its style
            remark = await page.locator(".remarks").inner_text()
            radius = await page.evaluate("getComputedStyle(document.querySelector('.badge')).borderRadius")
            return remark, radius, complaints

    with api_proxy(sh) as proxy:
        path = f"/api/v1/namespaces/{namespace}/services/dcp-operator-ui:http/proxy/"
        remark, radius, complaints = asyncio.run(look(proxy + path))
    assert "source files is quiet for 30 h; 26h is expected" in remark
    assert radius == "99px"  # the style came too
    assert complaints == []


def test_its_account_may_see_pipelines_and_nothing_else(place: tuple[Shell, str]) -> None:
    sh, namespace = place
    account = f"system:serviceaccount:{namespace}:dcp-operator-ui"

    def may(verb: str, what: str) -> bool:
        asked = sh.attempt(f"kubectl auth can-i {verb} {what} --namespace {namespace} --as {account}")
        return asked.stdout.strip() == "yes"

    wanted = {("list", "datacleaningpipelines.datacleaning.io"), ("get", "datacleaningpipelines.datacleaning.io")}
    others = {
        ("patch", "datacleaningpipelines.datacleaning.io"), ("watch", "datacleaningpipelines.datacleaning.io"),
        ("get", "secrets"), ("list", "pods"), ("get", "pods/log"), ("list", "configmaps"), ("create", "pods/exec"),
    }  # fmt: skip
    assert {each for each in wanted | others if may(*each)} == wanted


def test_a_pipeline_that_is_gone_is_shown_no_more(place: tuple[Shell, str]) -> None:
    sh, namespace = place
    create(sh, namespace, "soon-gone", status())
    page = f"kubectl get --raw /api/v1/namespaces/{namespace}/services/dcp-operator-ui:http/proxy/"
    wait_until(lambda: "soon-gone" in sh.run(page), "the new pipeline on the page", 60, 0.5)
    sh.run(f"kubectl delete dcp soon-gone --namespace {namespace}")
    wait_until(lambda: "soon-gone" not in sh.run(page), "its end on the page", 60, 0.5)
