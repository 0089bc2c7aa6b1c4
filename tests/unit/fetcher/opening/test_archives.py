"""Archives with several files, against the files that were put in."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from typing import Any

import pytest
import zstandard

from dcp_fetcher.ground.errors import DamagedError
from dcp_fetcher.opening.archive import MEMBERS_TOLD
from support.batches import format_of
from support.reading import read_file

FILES = {
    "logs/": b"",
    "logs/a.csv": b"\xef\xbb\xbfa,b\n1,2\n3,4",
    "logs/b.csv": b"a,b\r\n",
    "logs/empty.csv": b"",
    "logs/c.csv": b'a,b\n"5\n",6\n',
}
VALUES = [("1", "2"), ("3", "4"), ("5\n", "6")]


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(files: dict[str, bytes], format_: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format_) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


PACKED = {
    "zip": zipped(FILES),
    "zip, stored": zipped(FILES, zipfile.ZIP_STORED),
    "tar": tarred(FILES),
    "tar of GNU, long names": tarred(
        {f"{'x' * 150}{name}": content for name, content in FILES.items()}, tarfile.GNU_FORMAT
    ),
    "tar.gz": gzip.compress(tarred(FILES)),
    "tar.zst": zstandard.compress(tarred(FILES)),
    "tar of gzip files": tarred({f"{name}.gz": gzip.compress(content) for name, content in FILES.items() if content}),
}


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("chunk", [7, 100_000])
def test_the_files_of_an_archive_are_read_as_one_with_one_header(name: str, chunk: int) -> None:
    result = read_file(PACKED[name], format_of(), "a", "b", chunk=chunk)
    assert (result.read, result.values) == (3, VALUES)


@pytest.mark.parametrize("name", PACKED)
def test_an_archive_that_is_cut_off_is_damaged(name: str) -> None:
    with pytest.raises(DamagedError):
        read_file(PACKED[name][: 3 * len(PACKED[name]) // 10], format_of(), "a", "b")


def test_a_tar_archive_that_ends_between_two_files_is_cut_off() -> None:
    with pytest.raises(DamagedError, match="end marker"):
        read_file(tarred({"a": b"a,b\n1,2\n", "b": b"a,b\n"})[:1024], format_of(), "a", "b")


def test_only_the_wanted_files_are_read() -> None:
    files = {"README.txt": b"hello, reader\n", "data/x.csv": b"a,b\n1,2\n", "data/old.csv": b"z\n1\n"}
    for raw in (zipped(files), tarred(files)):
        assert read_file(raw, format_of(members=["data/x*"]), "a", "b").values == [("1", "2")]
        with pytest.raises(
            DamagedError, match=r"data/old\.csv in the archive has other labels than data/x\.csv.*format\.members"
        ):
            read_file(raw, format_of(), "a", "b")


@pytest.mark.parametrize(
    ("words", "files", "labels", "values"),
    [
        ({"type": "ndjson"}, [b'{"a":1}\n', b'{"a":2}'], ("a",), [("1",), ("2",)]),
        ({"type": "json"}, [b'[{"a":1}]', json.dumps([{"a": 2}, {"a": 3}], indent=1).encode()], ("a",), [("1",), ("2",), ("3",)]),
        ({"header": False}, [b"1,2", b"3,4\n"], ("col1", "col2"), [("1", "2"), ("3", "4")]),
        ({"encoding": "auto"}, ["a,b\né,ü\n".encode("utf-16"), "a,b\n東,京\n".encode()], ("a", "b"), [("é", "ü"), ("東", "京")]),
        ({"commentChar": "#", "commentedHeader": True}, [b"# x\n# a,b\n1,2\n# END\n", b"#\n#a,b\n3,4\n#\n"], ("a", "b"), [("1", "2"), ("3", "4")]),
        ({"type": "regex", "pattern": r"(?P<a>\w)-(?P<b>\w)"}, [b"1-2\n", b"\xef\xbb\xbf3-4\n"], ("a", "b"), [("1", "2"), ("3", "4")]),
        ({"skipRows": 1}, [b"Report 1\na,b\n1,2\n", b"Report 2\na,b\n3,4\n"], ("a", "b"), [("1", "2"), ("3", "4")]),
    ],
)  # fmt: skip
def test_every_format_can_come_in_an_archive(
    words: dict[str, Any], files: list[bytes], labels: tuple[str, ...], values: list[tuple[str, ...]]
) -> None:
    named = {f"{number}": content for number, content in enumerate(files)}
    for raw in (zipped(named), gzip.compress(tarred(named))):
        result = read_file(raw, format_of(**words), *labels)
        assert (result.read, result.values) == (len(values), values)


def test_an_archive_in_an_archive_is_refused() -> None:
    with pytest.raises(DamagedError, match="unpacked once"):
        read_file(tarred({"a.zip": zipped(FILES)}), format_of(), "a")


def test_a_tar_header_that_claims_gigabytes_is_not_believed() -> None:
    bomb = tarfile.TarInfo("x")
    bomb.type, bomb.size = tarfile.XHDTYPE, 5 << 20
    raw = bomb.tobuf(tarfile.USTAR_FORMAT) + b"1" * (5 << 20)
    with pytest.raises(DamagedError, match="header"):
        read_file(raw, format_of(), "a")


def test_names_without_an_end_and_members_without_number_fill_neither_log_nor_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    many = {f"{number}.csv": b"a\n%d\n" % number for number in range(MEMBERS_TOLD + 50)}
    long = {f"{'x' * 30_000}{number}": b"a,b\n1,2\n" for number in range(3)}
    assert len(read_file(tarred(many), format_of(), "a").values) == len(many)
    told = [each for each in caplog.messages if "starts at byte" in each]
    assert len(told) == MEMBERS_TOLD
    assert any("LOG_LEVEL=debug" in each for each in caplog.messages)
    caplog.clear()
    assert len(read_file(zipped(long), format_of(), "a", "b").values) == 3
    with pytest.raises(DamagedError, match="none of its 3 files is read") as refused:
        read_file(zipped(long), format_of(members=["*.tsv"]), "a")
    assert len(str(refused.value)) < 2000
    assert max(map(len, caplog.messages)) < 2000
