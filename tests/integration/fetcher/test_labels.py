"""Headers that change between the objects of a source: told, recorded, refused where the spec demands it."""

from __future__ import annotations

import asyncio
import io
import logging
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dcp_fetcher.gauges import gauges_of
from dcp_fetcher.objects import Outcome
from dcp_fetcher.process import labels_by_source
from dcp_pipeline.ledger.model import ObjectState
from support.fetching import Fetching, file_source

FIELDS = [{"name": "ip"}, {"name": "host", "from": ["hostname", "host"]}]


def fetching(folder: Path, type_: str = "csv", growth: str = "replace", **cleaning: Any) -> Fetching:
    folder.mkdir(exist_ok=True)
    source = file_source(folder, growth=growth, format={"type": type_})
    return Fetching(source, cleaning={"fields": FIELDS, "unique": ["ip"], **cleaning})


def workbook(*rows: list[Any]) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def parquet(**columns: list[Any]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def outcome(it: Fetching, name: str) -> tuple[ObjectState, str]:
    (found,) = (each for each in it.ledger.all_objects() if each.uri.endswith(name))
    return found.state, found.reason or ""


@pytest.mark.parametrize(
    ("type_", "before", "after"),
    [
        ("csv", b"ip,hostname\n192.0.2.1,a\n", b"ip,host_name,new\n192.0.2.2,b,x\n"),
        ("ndjson", b'{"ip": "192.0.2.1", "hostname": "a"}\n', b'{"ip": "192.0.2.2", "host_name": "b", "new": 1}\n'),
        ("json", b'[{"ip": "192.0.2.1", "hostname": "a"}]', b'[{"ip": "192.0.2.2", "host_name": "b", "new": 1}]'),
        ("xlsx", workbook(["ip", "hostname"], ["x", "a"]), workbook(["ip", "host_name", "new"], ["y", "b", "x"])),
        ("parquet", parquet(ip=["x"], hostname=["a"]), parquet(ip=["y"], host_name=["b"], new=["x"])),
    ],
)
def test_a_renamed_column_is_told_with_what_is_there_instead(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, type_: str, before: bytes, after: bytes
) -> None:
    it = fetching(tmp_path / "in", type_)
    (tmp_path / "in" / "1").write_bytes(before)
    assert it.run().problems == ()
    assert outcome(it, "1") == (ObjectState.CUT, "")
    (tmp_path / "in" / "2").write_bytes(after)
    with caplog.at_level(logging.WARNING):
        loop = it.fetcher()
        report = asyncio.run(loop.run(once=True))
    assert report.problems == ()
    told = "labels that are not there, so that their fields are empty: hostname or host; no field is made of host_name, new"
    assert outcome(it, "2") == (ObjectState.CUT, told)
    assert told in caplog.text
    assert labels_by_source(loop) == {"files": told}
    _, values = gauges_of(loop.progress.snapshot())["dcp_source_labels"]
    assert values == {(("source", "files"), ("state", "missing")): 1, (("source", "files"), ("state", "new")): 2}
    assert sum(batch.records for batch in it.queue.batches()) == 2


def test_a_new_column_is_told_once_and_another_name_of_a_field_is_none(tmp_path: Path) -> None:
    it = fetching(tmp_path / "in")
    headers = {"1": "ip,hostname", "2": "ip,host", "3": "ip,host,asn", "4": "asn,host,ip"}
    reasons = []
    for name, header in headers.items():
        (tmp_path / "in" / name).write_text(f"{header}\n")
        it.run()
        reasons.append(outcome(it, name)[1])
    assert reasons == ["", "", "new labels, of which no field is made: asn", ""]


@pytest.mark.parametrize(
    ("type_", "content"),
    [
        ("csv", b"Rate limit exceeded, try again later\n"),
        ("csv", b"error;code\n42;x\n"),
        ("ndjson", b'{"error": "quota"}\n'),
        ("json", b'[{"error": "quota"}]'),
        ("xlsx", workbook(["Report"], ["of today"])),
        ("parquet", parquet(error=["x"])),
    ],
)
def test_an_object_that_knows_none_of_the_labels_is_unavailable(tmp_path: Path, type_: str, content: bytes) -> None:
    it = fetching(tmp_path / "in", type_)
    (tmp_path / "in" / "a").write_bytes(content)
    assert it.run().problems
    state, reason = outcome(it, "a")
    assert state is ObjectState.UNAVAILABLE
    assert reason.startswith("none of the fields' labels (ip, hostname or host) is there, but: ")
    assert it.queue.batches() == []


@pytest.mark.parametrize(
    ("type_", "content"),
    [
        ("csv", b"Rate limit exceeded"),
        ("csv", b'{"error": "quota"}'),
        ("ndjson", b'{"error":\t"quota"}'),
        ("tsv", b"a\tb"),
    ],
)
def test_one_whose_only_line_has_no_end_is_none_either_once_it_has_settled(
    tmp_path: Path, type_: str, content: bytes
) -> None:
    it = fetching(tmp_path / "in", type_)
    (tmp_path / "in" / "a").write_bytes(content)
    assert it.round().looks[0].outcome is Outcome.WAITING
    it.sources[0]["file"]["settle"] = "1ms"
    assert it.run().problems
    assert outcome(it, "a")[0] is ObjectState.UNAVAILABLE
    assert it.queue.batches() == []


def test_one_whose_only_line_has_its_labels_and_no_end_is_taken_as_it_is(tmp_path: Path) -> None:
    it = fetching(tmp_path / "in", "ndjson")
    (tmp_path / "in" / "a").write_bytes(b'{"ip": "192.0.2.1", "host": "a"}')
    it.round()
    it.sources[0]["file"]["settle"] = "1ms"
    assert it.run().problems == ()
    assert it.records() == b'{"ip": "192.0.2.1", "host": "a"}'


def test_labels_that_show_after_the_first_batches_forge_none_of_them(tmp_path: Path) -> None:
    """A worker compares each batch with its object as the ledger has it; an older release wrote down no labels."""
    it = fetching(tmp_path / "in", "ndjson", growth="append")
    log_file = tmp_path / "in/log"
    log_file.write_bytes(b"not yet\n")
    assert it.run().problems == ()
    with log_file.open("ab") as growing:
        growing.write(b'{"ip": "192.0.2.1", "host": "a"}\n')
    assert it.run().problems == ()
    (found,) = it.ledger.all_objects()
    assert {batch.header for batch in it.queue.batches()} == {found.header}


def test_the_first_line_of_a_growing_json_log_says_nothing_about_the_others(tmp_path: Path) -> None:
    it = fetching(tmp_path / "in", "ndjson", growth="append")
    (tmp_path / "in" / "a").write_bytes(b'{"msg": "started"}\n')
    it.run()
    assert outcome(it, "a")[0] is ObjectState.CUT


@pytest.mark.parametrize(
    ("demand", "header", "refused"),
    [
        ("superset", "ip,more", True),
        ("superset", "ip,host,more", False),
        ("exact", "host,ip", False),
        ("exact", "ip,host,more", True),
    ],
)
def test_the_spec_may_demand_labels(tmp_path: Path, demand: str, header: str, refused: bool) -> None:
    it = fetching(tmp_path / "in", labels=demand)
    (tmp_path / "in" / "a").write_text(f"{header}\n" + ",".join("x" * (header.count(",") + 1)) + "\n")
    it.run()
    state, reason = outcome(it, "a")
    assert (state is ObjectState.UNAVAILABLE, f"cleaning.labels is {demand}" in reason) == (refused, refused)
    assert len(it.queue.batches()) == (not refused)


def test_what_was_said_of_labels_stays_when_the_object_grows(tmp_path: Path) -> None:
    it = fetching(tmp_path / "in", growth="append")
    file = tmp_path / "in" / "a"
    file.write_bytes(b"ip,name\nx,y\n")
    it.run()
    said = outcome(it, "a")[1]
    assert said.startswith("labels that are not there")
    file.write_bytes(b"ip,name\nx,y\nz,y\n")
    it.run()
    assert outcome(it, "a") == (ObjectState.CUT, said)
