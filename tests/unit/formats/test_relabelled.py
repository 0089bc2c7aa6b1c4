"""Labels that change inside an object: in comments above records, and from file to file of an archive."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import Any

import pytest

from dcp_fetcher.cutting.header import HeaderError
from dcp_fetcher.cutting.split import Splitter
from dcp_fetcher.ground.errors import DamagedError
from dcp_pipeline.spec.model import BatchSize
from support.batches import format_of
from support.reading import read_bytes, read_file

IIS = b"""#Software: Microsoft Internet Information Services 10.0
#Date: 2024-12-23 00:00:01
#Fields: date s-ip cs-uri-stem c-ip
2024-12-23 10.0.0.11 /a 192.0.2.1
#Software: Microsoft Internet Information Services 10.0
#Fields: date s-ip cs-uri-stem c-ip
2024-12-23 10.0.0.11 /b 192.0.2.2
#Date: 2024-12-23 11:00:01
#Fields: c-ip cs-uri-stem sc-status
192.0.2.3 /c 200
192.0.2.4 /d "4
#Fields: cs-uri-stem
#Fields: cs-uri-stem c-ip
/e 192.0.2.5
#Date: the end
"""
W3C = {"delimiter": " ", "commentChar": "#", "commentedHeader": True}


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
@pytest.mark.parametrize("batch", [1, 100])
def test_the_newest_fields_above_a_record_are_its_labels(chunk: int, batch: int) -> None:
    result = read_bytes(IIS, format_of(**W3C), "c-ip", "cs-uri-stem", "sc-status", chunk=chunk, max_records=batch)
    assert result.rows == {
        1: ("192.0.2.1", "/a", None),
        2: ("192.0.2.2", "/b", None),
        3: ("192.0.2.3", "/c", "200"),
        5: ("192.0.2.5", "/e", None),
    }
    assert (result.codes, result.rejects[4].line) == ({4: "row-error"}, 11)


ZEEK = b"#separator \\x09\n#path\tconn\n#fields\tts\tid.orig_h\tuid\n#types\ttime\taddr\tstring\n"


@pytest.mark.parametrize(
    ("raw", "words", "labels", "values"),
    [
        (ZEEK + b'1\t192.0.2.1\t"C1\n#close\t2024\n', {"type": "tsv"}, ("uid", "ts"), [('"C1', "1")]),
        (
            b"#Version: 1.0\n#Fields: date time x-edge-location\n2024-01-01\t00:00\tFRA\n",
            {"type": "tsv"}, ("x-edge-location", "time"), [("FRA", "00:00")],
        ),
        (
            b"# by someone, 2024\n## columns = ip, port\n192.0.2.1,1\n# ip, 2024\n## columns = port, ip\n2,192.0.2.2\n",
            {"headerPrefix": " columns ="}, ("ip", "port"), [],
        ),
        (
            b"# by someone, 2024\n#columns=ip,port\n192.0.2.1,1\n# a, b\n#columns=port,ip\n2,192.0.2.2\n",
            {"headerPrefix": "columns="}, ("ip", "port"), [("192.0.2.1", "1"), ("192.0.2.2", "2")],
        ),
        (
            b"# Terms, of use\n# ip,port,seen\n192.0.2.1,1,x\n# note, an aside, not labels\n192.0.2.2,2,y\n"
            b"# Terms, of use\n# seen,ip,tags,port\nz,192.0.2.3,t,3\n# END 3, entries",
            {}, ("ip", "port"), [("192.0.2.1", "1"), ("192.0.2.2", "2"), ("192.0.2.3", "3")],
        ),
        (
            b'########\n# banner #\n"first_seen","dst_ip"\n"2024","192.0.2.1"\n# END\n',
            {}, ("dst_ip", "first_seen"), [("192.0.2.1", "2024")],
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("chunk", [1, 10_000])
def test_labels_in_comments_of_many_kinds(
    raw: bytes, words: dict[str, Any], labels: tuple[str, ...], values: list[tuple[str, ...]], chunk: int
) -> None:
    form = format_of(**{"commentChar": "#", "commentedHeader": True, **words})
    if not values:  # a prefix is looked for right behind the comment characters
        with pytest.raises(HeaderError, match="none has labels"):
            read_bytes(raw, form, *labels, chunk=chunk)
        return
    assert read_bytes(raw, form, *labels, chunk=chunk).values == values


def test_a_hash_inside_quotes_is_no_comment_and_changes_no_label() -> None:
    raw = b'# a,b\n1,"x\n#Fields: b a\n"\n2,y\n'
    result = read_bytes(raw, format_of(commentChar="#", commentedHeader=True), "a", "b", max_records=100)
    assert result.values == [("1", "x\n#Fields: b a\n"), ("2", "y")]


def test_who_goes_on_behind_a_cut_goes_on_with_its_labels() -> None:
    for stop in range(IIS.index(b"2024-12-23 10.0") + 1, len(IIS)):
        _check_going_on(stop)


def _check_going_on(stop: int) -> None:
    form, size = format_of(**W3C), BatchSize(max_records=1)
    first = Splitter(form, size)
    cuts = first.feed(IIS[:stop]) + first.finish(unterminated=False)
    assert first.header is not None
    labels = first.header.labels, cuts[-1].header if cuts else None
    at = first.position
    later = Splitter(form, size, at, labels)
    cuts += later.feed(IIS[at.offset :]) + later.finish()
    whole = Splitter(form, size)
    wanted = whole.feed(IIS) + whole.finish()
    assert [(cut.raw, cut.header) for cut in cuts if not cut.defect] == [
        (cut.raw, cut.header) for cut in wanted if not cut.defect
    ]


def zipped(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return out.getvalue()


def tarred(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("batch", [1, 100])
@pytest.mark.parametrize("chunk", [3, 100_000])
def test_the_files_of_an_archive_may_have_their_columns_in_any_order(pack: Any, batch: int, chunk: int) -> None:
    raw = pack(
        ("a.csv", b"id,v\n1,a\n2,b"),
        ("b.csv", b"\xef\xbb\xbfv,id\r\nc,3\r\nd,4"),
        ("c.csv", b"id,v\n"),
        ("d.csv", b"v,id\ne,5\n"),
        ("e.csv", b'id,v\n"6",f\n7,"g\n'),
    )
    result = read_file(raw, format_of(), "id", "v", chunk=chunk, max_records=batch)
    assert result.values == [("1", "a"), ("2", "b"), ("3", "c"), ("4", "d"), ("5", "e"), ("6", "f")]
    assert result.codes == {7: "row-error"}


def test_a_file_of_an_archive_with_other_labels_is_still_refused() -> None:
    with pytest.raises(DamagedError, match="other labels"):
        read_file(zipped(("a.csv", b"id,v\n1,a\n"), ("b.csv", b"id,w\n2,b\n")), format_of(), "id")


def test_logs_in_an_archive_each_have_their_own_fields() -> None:
    other = b"#Fields: c-ip sc-status\n192.0.2.9 404\n"
    result = read_file(zipped(("a.log", IIS), ("b.log", other)), format_of(**W3C), "c-ip", "sc-status")
    assert result.values[-1] == ("192.0.2.9", "404")
    assert len(result.values) == 5
