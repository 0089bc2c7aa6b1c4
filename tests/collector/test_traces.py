"""The traces of a run, as a real OpenTelemetry collector has understood them: it prints what came, span by span."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import yaml

from support.dcp_process import EXAMPLES, dcp, served, write_spec
from support.mariadb_server import free_port
from support.waiting import wait_until

PROGRAM = Path(__file__).parents[2] / "build/tools/otelcol"
_SPAN = re.compile(
    r"Span #\d+\s+Trace ID\s+: (?P<trace>\w+)\s+Parent ID\s+:[ ]?(?P<parent>\w*)\s+ID\s+: (?P<id>\w+)\s+Name\s+: (?P<name>\w+)"
)


@contextmanager
def collector(folder: Path) -> Iterator[tuple[str, Path]]:
    """Where it takes OTLP over HTTP, and what it prints."""
    if not PROGRAM.exists():
        pytest.fail(f"no {PROGRAM}: make traces builds it")
    folder.mkdir()
    port, log = free_port(), folder / "log"
    config = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
        "exporters": {"debug": {"verbosity": "detailed", "use_internal_logger": False}},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["debug"]}},
        },
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    with log.open("wb") as out:
        process = subprocess.Popen([PROGRAM, "--config", folder / "config.yaml"], stdout=out, stderr=out)

    def takes() -> bool:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            urlopen(f"http://127.0.0.1:{port}/v1/traces", b"", timeout=5)
        except URLError as error:
            return getattr(error, "code", 0) != 0
        return True

    try:
        wait_until(takes, "the collector", 120, 0.1)
        yield f"http://127.0.0.1:{port}", log
    finally:
        process.terminate()
        process.wait(30)


def test_a_collector_understands_every_span_and_whose_child_it_is(tmp_path: Path) -> None:
    with served(EXAMPLES / "feed" / "sinkhole") as feed, collector(tmp_path / "collector") as (url, log):
        write_spec(tmp_path / "botnet.yaml", feed, max_records=500)
        code, process = dcp(tmp_path, "run", "botnet.yaml", "--once", env={"OTEL_EXPORTER_OTLP_ENDPOINT": url})
        assert code == 0, process.err()
        assert "traces" not in process.err()

        def objects() -> int:
            return sum(each["name"] == "object" for each in _SPAN.finditer(log.read_text()))

        wait_until(lambda: objects() == 3, "the three objects' roots", 60)
        spans = {each["id"]: each for each in _SPAN.finditer(log.read_text())}
    names = Counter(each["name"] for each in spans.values())
    assert names["cut"] == names["batch"] == names["clean"] == names["insert"] == names["commit"] > 3
    for each in spans.values():
        if each["parent"]:
            assert spans[each["parent"]]["trace"] == each["trace"]
    assert sum(not each["parent"] for each in spans.values()) == 3
    assert "service.name: Str(dcp)" in log.read_text()
