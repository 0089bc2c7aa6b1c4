"""Traces of real runs, as they come to a receiver of OTLP; and that a collector which is away or hangs holds nothing up."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from dcp_pipeline.ledger.model import Cut, SourceObject
from dcp_pipeline.observe.tracing.otlp import Sent
from support.dcp_process import EXAMPLES, DcpProcess, dcp, served, write_spec
from support.listeners import talking
from support.otlp_receiver import otlp_receiver
from support.waiting import wait_until

FEED = EXAMPLES / "feed" / "sinkhole"


def test_a_run_makes_a_trace_of_each_object(tmp_path: Path) -> None:
    with served(FEED) as feed, otlp_receiver() as receiver:
        write_spec(tmp_path / "botnet.yaml", feed, max_records=500)
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test"}
        code, process = dcp(tmp_path, "run", "botnet.yaml", "--once", env=env)
        assert code == 0, process.err()
    with sqlite3.connect(tmp_path / "botnet.db") as database:
        batches = dict(database.execute("SELECT id, object_id FROM dcp_batches").fetchall())
        objects = {row[0] for row in database.execute("SELECT id FROM dcp_objects")}
    database.close()
    spans = {each.id: each for each in receiver.spans}
    assert len(spans) == len(receiver.spans)
    roots = [each for each in spans.values() if not each.parent]
    assert {each.trace for each in roots} == objects
    assert Counter(each.name for each in spans.values()) == {
        "object": len(objects), **dict.fromkeys(("cut", "batch", "clean", "insert", "commit"), len(batches))
    }  # fmt: skip
    wanted = {"cut": "object", "batch": "cut", "clean": "batch", "insert": "batch", "commit": "batch"}
    for each in spans.values():
        assert each.start <= each.end
        if each.parent:
            parent = spans[each.parent]
            assert (parent.name, parent.trace) == (wanted[each.name], each.trace)
        if each.name in ("cut", "batch"):
            assert batches[each.attributes["dcp.batch"]] == each.trace
    assert all(each["service.name"] == "dcp" for each in receiver.resources)
    assert receiver.resources[0]["dcp.pipeline"] == "default/botnet"
    assert receiver.resources[0]["deployment.environment"] == "test"


def test_half_of_the_objects_are_traced_whole_where_half_is_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "feed"
    folder.mkdir()
    label, *lines = (FEED / "2026-10-01-sinkhole.csv").read_bytes().splitlines()
    for number in range(24):
        (folder / f"{number:02}.csv").write_bytes(b"\n".join([label, lines[number]]) + b"\n")
    with served(folder) as feed, otlp_receiver() as receiver:
        write_spec(tmp_path / "botnet.yaml", feed)
        half = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"}
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **half}
        code, process = dcp(tmp_path, "run", "botnet.yaml", "--once", env=env)
        assert code == 0, process.err()
    names = Counter(each.name for each in receiver.spans)
    assert 0 < names["object"] < 24
    assert set(names.values()) == {names["object"]}


def test_a_collector_that_hangs_or_is_away_is_told_and_holds_nothing_up(tmp_path: Path) -> None:
    with served(FEED) as feed, otlp_receiver() as receiver:
        receiver.hangs.set()
        for name, url in (("hangs", receiver.url), ("away", "http://127.0.0.1:9")):
            (tmp_path / name).mkdir()
            write_spec(tmp_path / name / "botnet.yaml", feed)
            env = {
                "OTEL_EXPORTER_OTLP_ENDPOINT": url,
                "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20sesame-4711",
            }
            code, process = dcp(tmp_path / name, "run", "botnet.yaml", "--once", env=env)
            assert code == 0, process.err()
            assert "sesame" not in process.err() + process.out()
        assert receiver.asked >= 1
    assert "the last traces are not sent" in (tmp_path / "hangs" / "run-0.err").read_text()
    assert "traces are not sent" in process.err()


def test_what_a_collector_that_takes_it_slowly_did_not_get_is_told_while_it_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with otlp_receiver() as receiver:
        receiver.hangs.set()
        traces = Sent({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}, "default/x", "here", str)
        of = object_of(1)
        traces.read(of, time.monotonic())
        wait_until(lambda: receiver.asked >= 1, "it is asked")
        for _ in range(9000):  # more than wait
            traces.read(of, time.monotonic())
        receiver.hangs.clear()
        wait_until(lambda: told(caplog), "it is told")
        lost = [vars(each)["lost"] for each in told(caplog)]
        wait_until(lambda: len(receiver.spans) + sum(lost) == 9001, "the others are sent")
        traces.close()
    assert len(lost) == 1
    assert lost[0] > 0
    assert "more were made than it took" in caplog.text
    assert "spans of traces were not sent" not in caplog.text


@pytest.mark.parametrize(
    ("answer", "told_of"),
    [
        (b"this is no HTTP, sesame-4711\r\n\r\n", "BadStatusLine"),
        (b"HTTP/1.1 401 no such Bearer sesame-4711\r\nContent-Length: 0\r\n\r\n", "it answers 401"),
        (b"HTTP/1.1 302 Found\r\nLocation: ELSEWHERE\r\nContent-Length: 0\r\n\r\n", "it answers 302"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + b"x: y\r\n" * 200 + b"\r\n", "HTTPException"),
    ],
)
def test_whatever_a_collector_answers_later_spans_are_sent_and_nobody_learns_what_was_for_it(
    answer: bytes, told_of: str, caplog: pytest.LogCaptureFixture
) -> None:
    with otlp_receiver() as elsewhere, talking(answer.replace(b"ELSEWHERE", elsewhere.url.encode())) as rogue:
        headers = {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20sesame-4711"}
        traces = Sent({"OTEL_EXPORTER_OTLP_ENDPOINT": rogue.url, **headers}, "default/x", "here", str)
        for number in (1, 2):
            asked = len(rogue.asked)
            traces.read(object_of(number), time.monotonic())
            wait_until(lambda asked=asked: len(rogue.asked) > asked, "it is asked, again after what it said")  # type: ignore[misc]
        traces.close()
    assert told_of in caplog.text
    assert "sesame" not in caplog.text
    assert b"sesame-4711" in rogue.asked[-1]
    assert elsewhere.asked == 0


def test_what_no_protobuf_holds_costs_no_span(caplog: pytest.LogCaptureFixture) -> None:
    with otlp_receiver() as receiver:
        traces = Sent({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}, "default/x", "here", str)
        odd = msgspec.structs.replace(object_of(1), uri="file:///half \udcff")
        traces.read(odd, time.monotonic())
        traces.cut(odd, [Cut("2" * 32, 0, 0, 2**70, 2**64, 1, 1, "d" * 32)], time.monotonic())
        traces.close()
    assert {each.name: each.attributes["dcp.uri"] for each in receiver.spans} == dict.fromkeys(
        ("object", "cut"), "file:///half \ufffd"
    )
    assert caplog.text == ""


def object_of(number: int) -> SourceObject:
    return SourceObject(
        id=f"{number:032x}", pipeline="default/x", source="feed", uri="file:///a.csv", version="1", revision="r"
    )


def told(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [each for each in caplog.records if each.message.startswith("traces are not sent")]


def test_nothing_of_opentelemetry_is_imported_where_nobody_asks(tmp_path: Path) -> None:
    script = (
        "import sys, os; from pathlib import Path; from dcp_pipeline.setup import load_setup\n"
        "from dcp_pipeline.connect import open_shared\n"
        "shared = open_shared(load_setup(sys.argv[1], os.environ, redis='redis://127.0.0.1:1'), 1)\n"
        "shared.close(); print(sorted(each for each in sys.modules if each.startswith(('opentelemetry.', 'google.protobuf'))))\n"
    )
    spec = write_spec(tmp_path / "botnet.yaml", "http://127.0.0.1:1/")
    clean = {"PATH": "/usr/bin:/bin", "DCP_SECRET_FEED_KEY": "k"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(spec)], env=clean, capture_output=True, text=True, timeout=300
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_where_the_packages_are_missing_it_is_said_and_the_run_goes_on(tmp_path: Path) -> None:
    with served(FEED) as feed:
        write_spec(tmp_path / "botnet.yaml", feed)
        hidden = "import sys; sys.modules['opentelemetry.proto'] = None; from dcp_cli.__main__ import main; main()"
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
        process = DcpProcess(tmp_path, "run", "botnet.yaml", "--once", env=env, program=[sys.executable, "-c", hidden])
        assert process.wait() == 0, process.err()
    assert "pip install '.[tracing]'" in process.err()
