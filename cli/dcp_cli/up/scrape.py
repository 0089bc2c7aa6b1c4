"""The metrics of all processes of a `dcp up` on one port: each is asked at its own when somebody asks here.

A sample keeps its labels and gets `process`, as its log is called: fetcher, worker, worker1. What has no pipeline, as
the memory of a process, gets that too.
"""

from __future__ import annotations

import http.client
import re
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.core import Metric as Family

from dcp_cli.up.notes import PipelineNote, ProcessNote, Status, UpFolder
from dcp_pipeline.errors import in_words
from dcp_pipeline.observe.health import HealthServer
from dcp_pipeline.observe.readiness import READY, tell_manager
from dcp_pipeline.process.exit_codes import DONE

_PATIENCE_SECONDS = 5.0
_AT_ONCE = 16
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_PIPELINE = re.compile(r'\bpipeline="((?:[^"\\]|\\.)*)"')


class Said(msgspec.Struct, frozen=True):
    """What one process said; None: it could not be asked."""

    pipeline: str
    process: str
    text: str | None


def serve_metrics(folder: Path, host: str, port: int) -> int:
    """Until SIGTERM. Raises OSError where the port is taken."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    scrape = _Scrape(UpFolder(folder))
    server = HealthServer(
        host, port, alive={"supervisor": scrape.problem}, ready={}, registry=CollectorRegistry(), metrics=scrape.text
    )
    server.start()
    tell_manager(READY)
    stopping.wait()
    server.stop()
    return DONE


class _Scrape:
    def __init__(self, folder: UpFolder) -> None:
        self._folder = folder

    def problem(self) -> str | None:
        try:
            self._status()
        except (OSError, msgspec.DecodeError) as error:
            return in_words(error)
        return None

    def text(self) -> bytes:
        """All of it."""
        status = self._status()
        asked = [(pipeline, each) for pipeline in status.pipelines for each in pipeline.processes if each.metrics]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            said = list(pool.map(lambda each: _ask(*each), asked))
        return merged(said, status).encode()

    def _status(self) -> Status:
        return msgspec.json.decode(self._folder.status_path.read_bytes(), type=Status)


def _ask(pipeline: PipelineNote, process: ProcessNote) -> Said:
    name = process.log.removesuffix(".log").rpartition(".")[2]
    connection = http.client.HTTPConnection("127.0.0.1", process.metrics, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read().decode() if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        text = None
    finally:
        connection.close()
    return Said(pipeline.name, name, text)


def merged(said: Iterable[Said], status: Status) -> str:
    """As Prometheus reads it: all samples of a name together, below its help and type."""
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    up = GaugeMetricFamily("dcp_up_process", "1: it could be asked.", labels=["pipeline", "process"])
    for each in said:
        up.add_metric([each.pipeline, each.process], float(each.text is not None))
        family = ""
        for line in (each.text or "").splitlines():
            if line.startswith(("# HELP ", "# TYPE ")):
                family = line.split(" ", 3)[2]
                if len(heads.setdefault(family, [])) < 2 and line not in heads[family]:
                    heads[family].append(line)
            elif line and not line.startswith("#"):
                samples.setdefault(family, []).append(_labelled(line, each))
    lines = [line for family, head in heads.items() for line in (*head, *samples.get(family, ()))]
    return "\n".join([*lines, *(line for family in (up, *_of(status)) for line in _rendered(family)), ""])


def _of(status: Status) -> Iterator[Family]:
    running = GaugeMetricFamily("dcp_up_pipeline_running", "1: it runs, as its file says.", labels=["pipeline"])
    restarts = GaugeMetricFamily("dcp_up_restarts", "New starts after crashes.", labels=["pipeline"])
    since = GaugeMetricFamily("dcp_up_start_time_seconds", "When the supervisor was started.", value=status.since)
    for each in status.pipelines:
        running.add_metric([each.name], float(each.state in ("running", "changing") and not each.trouble))
        restarts.add_metric([each.name], each.restarts)
    yield from (running, restarts, since)


def _rendered(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.documentation}"
    yield f"# TYPE {family.name} {family.type}"
    for each in family.samples:
        labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in each.labels.items())
        yield f"{each.name}{{{labels}}} {each.value}" if labels else f"{each.name} {each.value}"


def _labelled(line: str, said: Said) -> str:
    found = _NAME.match(line)
    name = found.group() if found else ""
    rest = line[len(name) :]
    more = f'process="{said.process}"'
    if not _PIPELINE.search(rest):
        more += f',pipeline="{_escaped(said.pipeline)}"'
    return f"{name}{{{more},{rest[1:]}" if rest.startswith("{") else f"{name}{{{more}}}{rest}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
