"""Input as it comes: damaged, hostile, odd. A clear reason, nothing lost, nothing held."""

from __future__ import annotations

import bz2
import io
import lzma
import os
import zipfile
from pathlib import Path

import pytest
import zstandard

from dcp_pipeline.ledger.model import ObjectState
from support.feed_server import gzipped
from support.fetching import Fetching, file_source

HEADER = b"a,b\n"
ROWS = b"".join(b"%06d,%s\n" % (n, b"x" * 40) for n in range(20_000))


def zipped(*names: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        for name in names:
            writer.writestr(name, b"" if name.endswith("/") else HEADER + ROWS)
    return archive.getvalue()


PACKED = {
    "gzip": gzipped(HEADER + ROWS[: 46 * 100]) + gzipped(ROWS[46 * 100 :]),
    "zstd": zstandard.compress(HEADER + ROWS[: 46 * 100]) + zstandard.compress(ROWS[46 * 100 :]),
    "bzip2": bz2.compress(HEADER) + bz2.compress(ROWS),
    "xz": lzma.compress(HEADER) + lzma.compress(ROWS),
    "zip": zipped("folder/", "folder/a.csv"),
}


def fetched(tmp_path: Path, content: bytes, max_records: int = 1_000, **source: object) -> Fetching:
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in" / "a.csv").write_bytes(content)
    os.utime(tmp_path / "in" / "a.csv", (1e9, 1e9))
    fetching = Fetching(file_source(tmp_path / "in", **source), max_records=max_records)
    fetching.report = fetching.run()  # type: ignore[attr-defined]
    return fetching


def reason(fetching: Fetching) -> str:
    (object_,) = fetching.ledger.all_objects()
    assert object_.state is ObjectState.UNAVAILABLE
    assert fetching.report.problems  # type: ignore[attr-defined]
    return object_.reason or ""


@pytest.mark.parametrize("kind", PACKED)
def test_compression_is_told_by_the_first_bytes_and_not_by_the_name(tmp_path: Path, kind: str) -> None:
    assert fetched(tmp_path, PACKED[kind]).records() == ROWS


@pytest.mark.parametrize("kind", PACKED)
def test_truncated_data_is_cut_up_to_the_last_whole_record_and_then_unavailable(tmp_path: Path, kind: str) -> None:
    fetching = fetched(tmp_path, PACKED[kind][:-30])
    assert "truncated" in reason(fetching)
    last = fetching.ledger.all_cuts()[-1].end if fetching.ledger.all_cuts() else 0
    assert f"everything from byte {last}" in reason(fetching)
    assert ROWS.startswith(fetching.records())
    assert fetching.records().endswith(b"\n") or not fetching.records()


@pytest.mark.parametrize("kind", ["gzip", "zstd", "bzip2", "xz"])
def test_corrupt_data_is_named_as_such(tmp_path: Path, kind: str) -> None:
    damaged = bytearray(PACKED[kind])
    damaged[len(damaged) // 2 : len(damaged) // 2 + 40] = b"\xff" * 40
    assert "corrupt" in reason(fetched(tmp_path, bytes(damaged)))


def test_a_bomb_of_one_endless_line_is_stopped_by_its_ratio(tmp_path: Path) -> None:
    assert "decompression.maxRatio" in reason(fetched(tmp_path, gzipped(HEADER + bytes(80 << 20))))


def test_a_bomb_is_stopped_by_its_size(tmp_path: Path) -> None:
    fetching = fetched(tmp_path, PACKED["gzip"], decompression={"maxBytes": "100Ki"})
    assert "decompression.maxBytes" in reason(fetching)


def test_what_is_packed_twice_is_not_unpacked_twice(tmp_path: Path) -> None:
    assert "inside the gzip data there is xz data" in reason(fetched(tmp_path, gzipped(PACKED["xz"])))


def test_the_files_of_a_zip_are_one_object_with_one_header(tmp_path: Path) -> None:
    fetching = fetched(tmp_path, zipped("a.csv", "b.csv"))
    assert fetching.report.problems == ()  # type: ignore[attr-defined]
    assert fetching.records() == ROWS + ROWS


AGAIN = {
    "comments": (b"#a,b\n#\n1,2\n#\n3,4\n5,6\n# END\n", {"commentChar": "#", "commentedHeader": True}),
    "no header": (b"1,2\n3,4\n5,6\n", {"header": False}),
    "labels": (b"1,2\n3,4\n5,6\n", {"header": False, "labels": ["a", "b"]}),
    "json": (b'{"items": [{"a": 1},\n {"a": 2}, {"a": 3}]}', {"type": "json", "items": "items"}),
    "utf-16": ("a,b\n1,é\n3,4\n5,6\n".encode("utf-16"), {"encoding": "auto"}),
    "zip": (PACKED["zip"], {}),
    "lines": (b"\xef\xbb\xbf#\n1\n2\n#\n3\n#", {"type": "regex", "pattern": "(?P<a>.)", "commentChar": "#"}),
}


@pytest.mark.parametrize("kind", AGAIN)
def test_what_a_wiped_queue_forgot_is_cut_the_same_again(tmp_path: Path, kind: str) -> None:
    raw, form = AGAIN[kind]
    fetching = fetched(tmp_path, raw, 1 if kind != "zip" else 1_000, format=form)
    assert fetching.report.problems == ()  # type: ignore[attr-defined]
    before = fetching.queue.batches()
    assert sum(batch.records for batch in before) == (20_000 if kind == "zip" else 3)
    fetching.queue.flush()
    fetching.run()
    assert fetching.queue.batches() == before
    fetching.queue.flush()
    fetching.ledger.done([batch.id for batch in before[:1]])
    fetching.run()
    assert fetching.queue.batches() == before[1:]


def test_a_file_without_a_header_that_can_be_read_is_unavailable(tmp_path: Path) -> None:
    fetching = fetched(tmp_path, b"x" * 5000, format={"maxRecordBytes": "1Ki"})
    assert "the header is longer than maxRecordBytes (1024)" in reason(fetching)


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
def test_byte_order_mark_and_other_line_ends_are_read(tmp_path: Path, end: bytes) -> None:
    content = b"\xef\xbb\xbf" + (HEADER + ROWS).replace(b"\n", end)
    fetching = fetched(tmp_path, content)
    assert fetching.queue.batches()[0].header == ("a", "b")
    assert fetching.records() == ROWS.replace(b"\n", end)
    assert sum(batch.records for batch in fetching.queue.batches()) == 20_000


def test_a_line_that_is_too_long_is_one_batch_with_its_reason(tmp_path: Path) -> None:
    long = b"9" * 300_000 + b"\n"
    fetching = fetched(tmp_path, HEADER + b"1,2\n" + long + b"3,4\n", format={"maxRecordBytes": "64Ki"})
    before, defect, after = fetching.queue.batches()
    assert (before.raw(), after.raw(), after.first_record, after.first_line) == (b"1,2\n", b"3,4\n", 3, 4)
    assert defect.defect == "the record is longer than maxRecordBytes (65536)"
    assert (defect.end - defect.start, defect.records, len(defect.raw())) == (len(long), 1, 64 * 1024)
    fetching.queue.flush()
    fetching.run()
    assert fetching.queue.batches()[1] == defect


def test_an_empty_object_has_no_records_and_is_complete(tmp_path: Path) -> None:
    fetching = fetched(tmp_path, b"")
    assert fetching.report.problems == ()  # type: ignore[attr-defined]
    assert fetching.ledger.all_objects()[0].state is ObjectState.CUT
    assert fetching.ledger.all_cuts() == []


def test_the_header_of_ndjson_is_the_keys_of_its_first_records(tmp_path: Path) -> None:
    fetching = fetched(tmp_path, b'{"a":1}\n\n{"a":"\xe4"}', format={"type": "ndjson"})
    (batch,) = fetching.queue.batches()
    assert (batch.header, batch.records, batch.first_line) == (("a",), 3, 1)


def test_a_folder_that_is_not_there_is_a_problem_and_not_an_empty_source(tmp_path: Path) -> None:
    report = Fetching(file_source(tmp_path / "nowhere")).run()
    assert "there is no such file or folder" in report.problems[0]


def test_only_regular_files_that_are_wanted_are_read(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(HEADER + b"1,2\n")
    (tmp_path / "b.txt").write_bytes(b"no")
    (tmp_path / "folder.csv").mkdir()
    fetching = Fetching(file_source(tmp_path, include=["*.csv"]))
    assert fetching.run().problems == ()
    assert fetching.records() == b"1,2\n"
