"""Whole runs with filters: the books count what was filtered, wherever they are read, as an independent reading does."""

from __future__ import annotations

import csv
import ipaddress
import random
import re
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy

from dcp_operator.status.seen import DeploymentSeen, Observed, QueueSeen
from dcp_operator.status.status import status_of
from dcp_pipeline.ledger import connect
from dcp_pipeline.observe.report import report_key, reports_of
from support.dcp_process import DcpProcess, dcp, served
from support.mariadb_server import free_port
from support.redis_server import redis_server
from support.waiting import wait_until

RECORDS = 4_000
SPEC = """
apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {{name: mixed}}
spec:
  sources: [{{name: log, http: {{url: "{url}"}}}}]
  cleaning:
    fields:
      - {{name: event, stored: false, transforms: [trim, lower], constraints: {{required: true}}}}
      - {{name: day, stored: false}}
      - {{name: clock, stored: false}}
      - {{name: seen_at, compute: {{join: {{fields: [day, clock], separator: "T"}}}}, type: datetime}}
      - {{name: address, transforms: [{{default: "0.0.0.0"}}, ip]}}
      - {{name: port, type: integer, constraints: {{required: true, maximum: {most}}}}}
    unique: [event, seen_at, address, port]
    filter:
      - keep: {{field: event, in: [scan, login]}}
      - drop: {{all: [{{field: address, cidr: [10.0.0.0/8]}}, {{field: port, compare: {{maximum: 1023}}}}]}}
  fetcher: {{batch: {{maxRecords: 500}}}}
  sink: {{sql: {{url: "{sink}", table: mixed}}}}
"""
Row = tuple[str, str, int]


@dataclass
class Expected:
    """What must come of the feed, read by csv, ipaddress and int."""

    rows: set[Row] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)


def write_log(path: Path, seed: int) -> list[list[str]]:
    """A feed of several kinds of events, most of them of no interest, some of them broken."""
    chance = random.Random(seed)
    records = []
    for number in range(RECORDS):
        event = chance.choice(["scan", " Login", "heartbeat", "heartbeat", "debug", ""])
        clock = f"{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}"
        address = chance.choice(["10.1.2.3", "::ffff:10.9.9.9", "192.0.2.7/32", "2001:DB8::1", "", "nowhere"])
        port = chance.choice(["22", "443", "8080", "70000", "x", ""])
        records.append([event, "2026-11-01", clock, address, port])
    records += chance.sample(records, RECORDS // 20)
    with path.open("w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["event", "day", "clock", "address", "port"])
        writer.writerows(records)
    return records


def expect(records: list[list[str]], most: int) -> Expected:
    expected = Expected()
    identities = set()
    for event, day, clock, address, port in records:
        outcome = judged(event.strip().lower(), address or "0.0.0.0", port, most)
        if not isinstance(outcome, str):
            identity = (event.strip().lower(), f"{day} {clock}", *outcome)
            expected.rows.add(identity[1:])
            outcome = "duplicates" if identity in identities else "written"
            identities.add(identity)
        expected.counts[outcome] += 1
    expected.counts["read"] = len(records)
    return expected


def judged(event: str, address: str, port: str, most: int) -> tuple[str, int] | str:
    """(address, port) of a record that is wanted and well, else what becomes of it."""
    if event and event not in ("scan", "login"):
        return "filtered"
    try:
        parsed = ipaddress.ip_address(address.removesuffix("/32"))
        parsed = getattr(parsed, "ipv4_mapped", None) or parsed
        number = int(port)
    except ValueError:
        return "rejected"
    if number > most:
        return "rejected"
    if parsed in ipaddress.ip_network("10.0.0.0/8") and number <= 1023:
        return "filtered"
    return (str(parsed), number) if event else "rejected"


def totals(answer: dict[str, Any]) -> dict[str, int]:
    names = ("read", "written", "duplicates", "rejected", "filtered")
    return {name: answer[name] for name in names}


def rows_of(url: str) -> set[Row]:
    with connect(url).connect() as connection:
        found = connection.execute(sqlalchemy.text("SELECT seen_at, address, port FROM mixed"))
        return {(str(moment)[:19].replace("T", " "), address, port) for moment, address, port in found}


@pytest.fixture
def feed(tmp_path: Path) -> tuple[Path, list[list[str]]]:
    folder = tmp_path / "feed"
    folder.mkdir()
    return folder, write_log(folder / "a.csv", seed=11)


def test_run_verify_and_status_count_what_was_filtered(tmp_path: Path, feed: tuple[Path, list[list[str]]]) -> None:
    folder, records = feed
    expected, sink = expect(records, 65535), f"sqlite:///{tmp_path}/clean.db"
    assert all(expected.counts[name] > 100 for name in ("written", "rejected", "filtered"))
    spec = tmp_path / "spec.yaml"
    with served(folder) as url:
        spec.write_text(SPEC.format(url=url, sink=sink, most=65535))
        code, process = dcp(tmp_path, "run", str(spec), "--once", "-o", "json")
    assert code == 0, process.err()
    assert totals(process.answer()) == dict(expected.counts)
    assert rows_of(sink) == expected.rows
    for command in ("verify", "status"):
        code, process = dcp(tmp_path, command, str(spec), "-o", "json")
        assert (code, totals(process.answer())) == (0, dict(expected.counts)), process.err()
        assert process.answer()["balanced"]
    code, process = dcp(tmp_path, "verify", str(spec))
    assert f"{expected.counts['filtered']:,} filtered" in process.out()


def test_rejects_that_a_mended_spec_filters_are_filtered_when_they_are_replayed(
    tmp_path: Path, feed: tuple[Path, list[list[str]]]
) -> None:
    folder, records = feed
    sink, spec = f"sqlite:///{tmp_path}/clean.db", tmp_path / "spec.yaml"
    # With 500 as the greatest port, what is above it is rejected, though a filter names the port.
    before, after = expect(records, 500), expect(records, 65535)
    with served(folder) as url:
        spec.write_text(SPEC.format(url=url, sink=sink, most=20))
        assert dcp(tmp_path, "run", str(spec), "--once")[0] == 0
        spec.write_text(SPEC.format(url=url, sink=sink, most=500))
        code, replay = dcp(tmp_path, "rejects", "replay", str(spec), "-o", "json")
        assert code == 0, replay.err()
        assert replay.answer()["filtered"] == before.counts["filtered"] - expect(records, 20).counts["filtered"] > 0
        code, books = dcp(tmp_path, "verify", str(spec), "-o", "json")
        assert (code, totals(books.answer())) == (0, dict(before.counts))
        spec.write_text(SPEC.format(url=url, sink=sink, most=65535))
        assert dcp(tmp_path, "rejects", "replay", str(spec))[0] == 0
        code, books = dcp(tmp_path, "verify", str(spec), "-o", "json")
    assert (code, totals(books.answer())) == (0, dict(after.counts))
    assert rows_of(sink) == after.rows


def test_a_workers_metrics_and_the_operators_status_count_what_was_filtered(
    tmp_path: Path, feed: tuple[Path, list[list[str]]]
) -> None:
    folder, records = feed
    expected, sink, port = expect(records, 65535).counts, f"sqlite:///{tmp_path}/clean.db", free_port()
    spec = tmp_path / "spec.yaml"
    with redis_server() as server, served(folder) as url:
        spec.write_text(SPEC.format(url=url, sink=sink, most=65535) + f'  queue: {{redis: {{url: "{server.url}"}}}}\n')
        code, fetcher = dcp(tmp_path, "fetcher", str(spec), "--once", "--health-port", "0")
        assert code == 0, fetcher.err()
        worker = DcpProcess(tmp_path, "worker", str(spec), "--health-port", str(port))
        try:
            wait_until(lambda: counted(port) == dict(expected), "every record is settled", within_seconds=60)
            client = redis.Redis.from_url(server.url)
            wait_until(lambda: reported(client) == dict(expected), "the operator sees the books", within_seconds=60)
        finally:
            assert worker.terminate() == 0


def counted(port: int) -> dict[str, int]:
    """The worker's own counters by outcome; empty while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    return {
        name: int(float(value))
        for name, value in re.findall(r'^dcp_records_total\{.*outcome="(\w+)".*\} (\S+)$', text, re.M)
    }


def reported(client: redis.Redis) -> dict[str, int] | None:
    """`status.records` as the operator makes it of what the worker left in Redis."""
    seen = DeploymentSeen(wanted=1, replicas=1, ready=1, updated=1, settled=True, failure=None)
    reports = reports_of(client.hgetall(report_key("default.mixed")))
    observed = Observed(
        generation=1, refusal=None, state="Running", fetcher=seen, workers=seen, queue=QueueSeen(None, None, reports),
        scaling_reason="", now=datetime.now(UTC),
    )  # fmt: skip
    records = status_of(observed, None, None).records
    names = ("read", "written", "duplicates", "rejected", "filtered")
    return None if records is None else {name: getattr(records, name) for name in names}
