"""Each query of the dashboards, asked of a real Prometheus that looks at a real run and at the operator at work."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import redis

from dcp_pipeline.queue import Job, Queue
from support.dcp_process import EXAMPLES, DcpProcess, served, write_spec
from support.kube_api.operated import SETTINGS, put_pipeline
from support.kube_api.server import ApiServer, serving
from support.prometheus_server import Prometheus, free_port, prometheus
from support.redis_server import redis_server
from support.waiting import wait_until

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "monitoring/rules").glob("*.yaml"))
KEY = "default/botnet"
QUERIES = [
    (path.stem, panel["title"], target["legendFormat"], target["expr"])
    for path in sorted((ROOT / "monitoring/dashboards").glob("*.json"))
    for panel in json.loads(path.read_text())["panels"]
    for target in panel["targets"]
]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus, once the run has cleaned everything and something of each kind went wrong."""
    folder = tmp_path_factory.mktemp("dashboards")
    pipeline, operator = free_port(), free_port()
    with (
        redis_server() as queue,
        served(EXAMPLES / "feed" / "sinkhole") as feed,
        prometheus(folder / "prometheus", [pipeline, operator], RULES) as server,
        running(folder / "run", feed, queue.url, pipeline),
        operating(folder / "operator", queue.url, operator),
    ):
        wait_until(lambda: server.healthy() == 2, "both to be scraped", 180, 0.2)
        written = f'sum(dcp_records_total{{pipeline="{KEY}",outcome="written"}}) > 3000'
        wait_until(lambda: server.over_time(written), "the rows of the feed", 180, 0.5)
        forge(queue.client())
        yield server


@contextmanager
def running(folder: Path, feed: str, queue: str, port: int) -> Iterator[None]:
    """`dcp run`, as it goes on: with an expectation that is met and one that is not."""
    folder.mkdir()
    spec = write_spec(folder / "botnet.yaml", feed, redis=queue, max_records=200)
    spec.write_text(spec.read_text() + "  expect: {newDataWithin: 24h, maxRejected: 0.001%}\n")
    process = DcpProcess(folder, "run", str(spec), "--health-port", str(port))
    try:
        yield
        assert process.process.poll() is None, process.err()[-3000:]
    finally:
        process.terminate()


@contextmanager
def operating(folder: Path, queue: str, port: int) -> Iterator[None]:
    """The operator in a process of its own: a pipeline that is well, one that is refused, a kind that it may not see."""
    folder.mkdir()
    ready, stop = threading.Event(), threading.Event()
    loops: list[ApiServer] = []

    async def api() -> None:
        async with serving() as server:
            put_pipeline(server, queue)
            put_pipeline(server, queue, "refused")
            server.refuse(403, "apply", "deployments", also=lambda each: each.name.startswith("refused"))
            server.refuse(403, "list,watch", "poddisruptionbudgets")
            server.refuse(500, "apply", "services", times=3)
            loops.append(server)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(api()))
    thread.start()
    assert ready.wait(60)
    kubeconfig = str(loops[0].kubeconfig(folder))
    settings = {**SETTINGS, "KUBECONFIG": kubeconfig, "HEALTH_HOST": "127.0.0.1", "HEALTH_PORT": str(port)}
    process = DcpProcess(folder, env=settings, program=[sys.executable, "-m", "dcp_operator"])
    try:
        yield
        assert process.process.poll() is None, process.err()[-3000:]
    finally:
        process.kill()
        stop.set()
        thread.join(30)


def forge(client: redis.Redis) -> None:
    """Somebody writes to the queue what the fetcher never cut: an error that the pipeline survives."""
    Queue(client, "default.botnet", pipeline=KEY).enqueue([Job("0" * 32, b"no batch", pipeline=KEY)])


def filled_in(query: str) -> str:
    """As Grafana asks it, for a scrape every second."""
    return query.replace("$__rate_interval", "8s").replace("$pipeline", KEY)


@pytest.mark.parametrize(("board", "panel", "legend", "query"), QUERIES, ids=[f"{a}-{b}-{c}" for a, b, c, _ in QUERIES])
def test_a_panel_has_data(seen: Prometheus, board: str, panel: str, legend: str, query: str) -> None:
    wait_until(lambda: seen.over_time(filled_in(query)), f"data of {board}: {panel}: {query}", 120, 0.5)
    labels = set(re.findall(r"\{\{(\w+)\}\}", legend)) - {"pod"}
    for series in seen.over_time(filled_in(query)):
        assert labels <= set(series["metric"]), legend


def test_the_rules_are_evaluated_without_an_error_and_what_is_wrong_is_pending(seen: Prometheus) -> None:
    wanted = {"DcpNotAsExpected", "DcpPipelineNotReady"}

    def waiting() -> set[str]:
        return {each["name"] for each in seen.rules() if each["state"] in ("pending", "firing")}

    wait_until(lambda: wanted <= waiting(), f"the alerts {wanted}", 120, 0.5)
    assert [each["name"] for each in seen.rules() if each["health"] != "ok"] == []


def test_what_grafana_offers_as_pipelines_is_there(seen: Prometheus) -> None:
    def names() -> list[str]:
        try:
            with urlopen(f"{seen.url}/api/v1/label/pipeline/values?match[]=dcp_build_info", timeout=30) as answer:
                return list(json.load(answer)["data"])
        except URLError:
            return []

    assert names() == [KEY]
