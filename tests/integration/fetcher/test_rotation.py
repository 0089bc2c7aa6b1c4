"""growth: append of files: each is followed by what it is, to its end, wherever it was moved or compressed."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import pytest

from dcp_fetcher.objects import Outcome
from dcp_pipeline.ledger.model import ObjectState
from support.fetching import Fetching, file_source

HEADER = b"a,b\n"


def rows(start: int, count: int) -> bytes:
    return b"".join(b"%05d,%s\n" % (n, b"x" * 50) for n in range(start, start + count))


def following(folder: Path, **source: object) -> Fetching:
    source.setdefault("include", ["log.csv"])
    if source["include"] is None:  # the source is the file itself
        folder = folder / "log.csv"
        del source["include"]
    return Fetching(file_source(folder, growth="append", settle="1ms", **source), max_records=100)


def seen(fetching: Fetching) -> list[int]:
    """The numbers of all records that were cut, in their order."""
    return sorted(int(line[:5]) for batch in fetching.queue.batches() for line in batch.raw().splitlines())


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as log:
        log.write(content)


def compress(path: Path) -> None:
    """As logrotate does: the time of change stays."""
    packed = path.with_name(path.name + ".gz")
    status = path.stat()
    packed.write_bytes(gzip.compress(path.read_bytes()))
    os.utime(packed, ns=(status.st_atime_ns, status.st_mtime_ns))
    path.unlink()


INCLUDES = pytest.mark.parametrize(
    "include", [["log.csv"], ["log.csv*"], [], None], ids=["one", "all", "folder", "file"]
)


@INCLUDES
def test_what_was_written_before_a_rename_is_read_from_where_the_file_is_now(
    tmp_path: Path, include: list[str] | None
) -> None:
    log = tmp_path / "log.csv"
    log.write_bytes(HEADER + rows(0, 10))
    fetching = following(tmp_path, include=include)
    fetching.round()
    append(log, rows(10, 5))
    log.rename(tmp_path / "log.csv.1")
    log.write_bytes(HEADER + rows(15, 3))
    append(tmp_path / "log.csv.1", b"99999,by a writer that had it open\n")
    for _ in range(3):
        fetching.round()
    assert seen(fetching) == [*range(18), 99999]
    assert len(fetching.ledger.all_objects()) == 2


@INCLUDES
@pytest.mark.parametrize("regrown", [0, 300])
def test_copied_and_truncated(tmp_path: Path, include: list[str] | None, regrown: int) -> None:
    log = tmp_path / "log.csv"
    log.write_bytes(HEADER + rows(0, 10))
    fetching = following(tmp_path, include=include)
    fetching.round()
    append(log, rows(10, 5))
    shutil.copy(log, tmp_path / "log.csv.1")
    fetching.round()
    os.truncate(log, 0)
    append(log, HEADER + rows(15, 5 + regrown))
    for _ in range(3):
        fetching.round()
    assert seen(fetching) == list(range(20 + regrown))
    assert {each.state for each in fetching.ledger.all_objects()} == {ObjectState.CUT}


@INCLUDES
@pytest.mark.parametrize("looks_between", [False, True])
def test_compressed_at_once_or_later(tmp_path: Path, include: list[str] | None, looks_between: bool) -> None:
    log = tmp_path / "log.csv"
    log.write_bytes(HEADER + rows(0, 250))
    fetching = following(tmp_path, include=include)
    fetching.round()
    append(log, rows(250, 50))
    log.rename(tmp_path / "log.csv.1")
    log.write_bytes(HEADER + rows(300, 2))
    if looks_between:
        fetching.round()
    compress(tmp_path / "log.csv.1")
    for _ in range(3):
        fetching.round()
    (tmp_path / "log.csv.1.gz").rename(tmp_path / "log.csv.2.gz")
    assert {look.outcome for look in fetching.round().looks} == {Outcome.UNCHANGED}
    assert seen(fetching) == list(range(302))
    assert len(fetching.ledger.all_objects()) == 2


@INCLUDES
@pytest.mark.parametrize("way", ["rename", "copy", "compress", "date"])
def test_rotated_twice_between_two_looks(tmp_path: Path, include: list[str] | None, way: str) -> None:
    log = tmp_path / "log.csv"
    log.write_bytes(HEADER + rows(0, 10))
    fetching = following(tmp_path, include=include)
    fetching.round()

    def rotate(older: str, newer: str) -> None:
        for name in ("log.csv.1", "log.csv.1.gz"):
            if way != "date" and (tmp_path / name).exists():
                (tmp_path / name).rename(tmp_path / name.replace("1", "2"))
        aside = tmp_path / (newer if way == "date" else "log.csv.1")
        if way == "copy":
            shutil.copy(log, aside)
            os.truncate(log, 0)
        else:
            log.rename(aside)
        if way == "compress":
            compress(aside)

    append(log, rows(10, 5))
    rotate("", "log.csv-20261128")
    append(log, HEADER + rows(15, 7))
    rotate("log.csv-20261128", "log.csv-20261129")
    append(log, HEADER + rows(22, 2))
    for _ in range(3):
        fetching.round()
    assert seen(fetching) == list(range(24))
    assert len(fetching.ledger.all_objects()) == 3


def test_history_that_was_there_before_is_not_asked_for(tmp_path: Path) -> None:
    (tmp_path / "log.csv.1").write_bytes(HEADER + rows(90_000, 5))
    os.utime(tmp_path / "log.csv.1", (1e9, 1e9))
    log = tmp_path / "log.csv"
    log.write_bytes(HEADER + rows(0, 3))
    fetching = following(tmp_path)
    fetching.round()
    log.rename(tmp_path / "log.csv.2")
    log.write_bytes(HEADER + rows(3, 3))
    fetching.round()
    assert seen(fetching) == list(range(6))


def test_an_inode_that_is_used_again_is_another_file(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_bytes(HEADER + rows(0, 3))
    fetching = following(tmp_path)
    fetching.round()
    with log.open("r+b") as same:  # as if it had been deleted, and a longer one made of its inode
        same.write(HEADER + rows(500, 300))
    report = fetching.run()
    assert seen(fetching) == [*range(3), *range(500, 800)]
    assert any("rewritten in place" in problem for problem in report.problems)


@pytest.mark.parametrize(("kept", "after"), [(0, 0), (150, len(HEADER) + 99 * 57)])
def test_a_file_that_is_rewritten_in_place_says_from_where_and_what_becomes_of_it(
    tmp_path: Path, kept: int, after: int
) -> None:
    log = tmp_path / "log.csv"
    log.write_bytes(HEADER + rows(0, 200))
    fetching = following(tmp_path)
    fetching.round()
    with log.open("r+b") as same:
        same.write(HEADER + rows(0, kept) + rows(1000, 300))
    fetching.run()
    old, new = sorted(fetching.ledger.all_objects(), key=lambda each: each.version)
    assert (old.state, new.state) == (ObjectState.UNAVAILABLE, ObjectState.CUT)
    reason = old.reason or ""
    assert f"from somewhere after byte {after} on" in reason
    assert "as generation 2; the 200 records" in reason
    assert "missing" not in reason
    assert " 0 bytes" not in reason


def test_the_line_of_what_was_moved_aside_names_where_it_lies_now(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = tmp_path / "log.csv"
    log.write_bytes(HEADER + rows(0, 3))
    fetching = following(tmp_path)
    fetching.round()
    append(log, rows(3, 3))
    log.rename(tmp_path / "log.csv.1")
    log.write_bytes(HEADER + rows(6, 3))
    with caplog.at_level("INFO"):
        fetching.run()
    told = [each.getMessage() for each in caplog.records if each.getMessage().startswith("cut: ")]
    assert sorted(told) == [f"cut: {log.as_uri()}", f"cut: {log.as_uri()} (now log.csv.1)"]


def test_what_is_nowhere_is_told_with_the_bytes_that_were_seen(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = tmp_path / "log.csv"
    log.write_bytes(HEADER + rows(0, 3) + b"half")
    fetching = following(tmp_path)
    fetching.round()
    log.unlink()
    log.write_bytes(HEADER + rows(3, 1))
    report = fetching.run()
    old, new = fetching.ledger.all_objects()
    assert (old.state, new.state) == (ObjectState.UNAVAILABLE, ObjectState.CUT)
    assert "4 bytes that were seen are not read" in (old.reason or "")
    assert any(record.levelname == "WARNING" and "4 bytes" in record.getMessage() for record in caplog.records)
    assert report.problems
    assert seen(fetching) == list(range(4))


def test_the_last_record_of_a_rotated_file_needs_no_line_end(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_bytes(HEADER + rows(0, 3) + b"00003,end")
    fetching = following(tmp_path)
    fetching.round()
    assert seen(fetching) == [0, 1, 2]
    log.rename(tmp_path / "log.csv.1")
    log.write_bytes(HEADER + rows(4, 1))
    fetching.run()
    assert seen(fetching) == list(range(5))


def test_a_rotated_file_that_is_deleted_after_it_was_read_is_no_loss(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_bytes(HEADER + rows(0, 3))
    fetching = following(tmp_path)
    fetching.round()
    log.rename(tmp_path / "log.csv.1")
    log.write_bytes(HEADER + rows(3, 1))
    fetching.round()
    (tmp_path / "log.csv.1").unlink()
    assert fetching.run().problems == ()
    assert {each.state for each in fetching.ledger.all_objects()} == {ObjectState.CUT}


def test_a_file_that_a_pass_over_the_folder_missed_is_read_by_the_next(tmp_path: Path) -> None:
    log, aside = tmp_path / "log.csv", tmp_path / "elsewhere"
    log.write_bytes(HEADER + rows(0, 3))
    fetching = following(tmp_path)
    fetching.round()
    log.rename(tmp_path / "log.csv.2")
    log.write_bytes(HEADER + rows(3, 3))
    log.rename(aside)  # as if it was renamed while the names were listed
    log.write_bytes(HEADER + rows(6, 3))
    fetching.round()
    aside.rename(tmp_path / "log.csv.1")
    fetching.round()
    assert seen(fetching) == list(range(9))


@INCLUDES
def test_a_look_between_the_copy_and_the_truncation_of_a_file_that_is_new_too(
    tmp_path: Path, include: list[str] | None
) -> None:
    log = tmp_path / "log.csv"
    log.write_bytes(HEADER + rows(0, 3))
    fetching = following(tmp_path, include=include)
    fetching.round()
    log.rename(tmp_path / "log.csv.2")
    log.write_bytes(HEADER + rows(3, 3))
    shutil.copy(log, tmp_path / "log.csv.1")
    fetching.round()
    os.truncate(log, 0)
    append(log, HEADER + rows(6, 1))
    for _ in range(3):
        fetching.round()
    assert seen(fetching) == list(range(7))


def test_a_copy_that_is_shorter_than_what_was_read_before_the_truncation_is_no_loss(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_bytes(HEADER + rows(0, 250))
    fetching = following(tmp_path)
    fetching.round()
    shutil.copy(log, tmp_path / "log.csv.1")
    append(log, rows(250, 60))
    fetching.round()
    os.truncate(log, 0)
    append(log, HEADER + rows(310, 2))
    assert fetching.run().problems == ()
    assert seen(fetching) == list(range(312))
    assert {each.state for each in fetching.ledger.all_objects()} == {ObjectState.CUT}
    assert {look.outcome for look in fetching.round().looks} == {Outcome.UNCHANGED}


def test_a_first_look_between_the_copy_and_the_truncation_reads_nothing_twice(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_bytes(HEADER + rows(0, 3))
    fetching = following(tmp_path)
    fetching.round()
    log.rename(tmp_path / "log.csv.3")
    log.write_bytes(HEADER + rows(3, 250))
    shutil.copy(log, tmp_path / "log.csv.1")
    copied = (tmp_path / "log.csv.1").rename(tmp_path / "elsewhere")  # as if it came after the names were listed
    append(log, rows(253, 60))
    fetching.round()
    copied.rename(tmp_path / "log.csv.1")
    os.truncate(log, 0)
    append(log, HEADER + rows(313, 2))
    assert fetching.run().problems == ()
    assert seen(fetching) == list(range(315))
    assert {each.state for each in fetching.ledger.all_objects()} == {ObjectState.CUT}
