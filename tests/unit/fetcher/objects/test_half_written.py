"""growth: replace, a file that is being written: the table is right in the end whatever the moment of the look.

The file of 10 kB is cut at every byte, in every format that grows (`make half-written`; here at every eleventh byte,
or 37th). What stands for the table here is a dictionary in
which, as there, the first record of a key stays; the records are told apart by the number that is in them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from dcp_fetcher.objects import Outcome
from dcp_pipeline.batch import Batch
from dcp_pipeline.ledger.model import ObjectState
from dcp_pipeline.spec.formats.fixed import FixedColumn
from dcp_pipeline.spec.words.format import Format
from support.looks import Watched

pytestmark = pytest.mark.timeout(1800)  # seconds of a quiet core, minutes of a starved one

SIZE = 10_000
SHARED = ("tsv", "accesslog", "syslog", "regex", "fixed", "csv with comments", "utf-16")


def grown(line: Callable[[int], bytes], head: bytes = b"") -> bytes:
    """A file of SIZE bytes and its last line's rest."""
    content = bytearray(head)
    number = 100_000
    while len(content) < SIZE:
        number += 17
        content += line(number)
    return bytes(content)


LOG = b'10.0.0.%d - - [29/Nov/2026:01:02:03 +0000] "GET /%d HTTP/1.1" 200 %d\n'
FILES: dict[str, tuple[Format, bytes]] = {
    "csv": (Format(), grown(lambda n: b"%d,%d.%02d,%s\n" % (n, n * 3, n % 100, b"x" * (n % 40)), b"id,amount,note\n")),
    "quoted csv, CRLF": (
        Format(),
        grown(lambda n: b'%d,"a ""word"", and\r\nmore of %d"\r\n' % (n, n), b"\xef\xbb\xbfid,note\r\n"),
    ),
    "csv with comments": (Format(comment_char="#"), grown(lambda n: b"# of %d\n%d,%d\n" % (n, n, n * 7), b"id,n\n")),
    "tsv": (
        Format(type="tsv"),
        grown(lambda n: b"%d\t%d\t%s\n" % (n, n * 9, "ä".encode() * (n % 9)), b"id\tn\tnote\n"),
    ),
    "ndjson": (Format(type="ndjson"), grown(lambda n: b'{"id": %d, "deep": {"n": [%d, 1.5e%d]}}\n' % (n, n, n % 9))),
    "accesslog": (Format(type="accesslog"), grown(lambda n: LOG % (n % 250, n, n * 2))),
    "syslog": (Format(type="syslog"), grown(lambda n: b"<34>Nov 29 01:02:03 host sshd[7]: session %d opened\n" % n)),
    "regex": (Format(type="regex", pattern=r"(?P<id>\d+) (?P<word>.*)"), grown(lambda n: b"%d some words\n" % n)),
    "fixed": (
        Format(type="fixed", columns=(FixedColumn(name="id", width=6), FixedColumn(name="word", width=9))),
        grown(lambda n: b"%d%s\n" % (n, b"word" * (n % 3))),
    ),
    "utf-16": (
        Format(encoding="utf-16-le"),
        grown(lambda n: f"{n},ж{n * 3},x\n".encode("utf-16-le"), "id,n,s\n".encode("utf-16-le")),
    ),
}


@dataclass
class Table:
    """Rows by key, each with the record that it is of."""

    form: Format
    watched: Watched
    rows: dict[bytes, tuple[str, int, bytes]] = field(default_factory=dict)
    taken_back: int = 0

    def work(self) -> None:
        """What workers do with all that is in the queue, and what the fetcher has withdrawn before."""
        self.withdraw()
        for batch in self.watched.queue.batches():
            if batch.defect:
                continue
            for number, record in enumerate(self._records(batch), batch.first_record):
                self.rows.setdefault(key_of(record), (batch.id, number, record))
        self.watched.ledger.done([each.id for each in self.watched.queue.batches()])
        self.watched.queue.flush()

    def withdraw(self) -> None:
        gone = dict(self.watched.ledger.withdrawn[self.taken_back :])
        self.taken_back = len(self.watched.ledger.withdrawn)
        self.rows = {key: row for key, row in self.rows.items() if row[1] < gone.get(row[0], row[1] + 1)}

    def _records(self, batch: Batch) -> list[bytes]:
        lines = re.split(rb"(?<=[\n])", batch.raw()) if b',"a' not in batch.raw() else _quoted(batch.raw())
        joined: list[bytes] = []
        for line in lines:
            if joined and joined[-1].startswith(b"#"):
                joined[-1] = line
            elif line:
                joined.append(line)
        found = [line.rstrip(b"\r\n") for line in joined]
        assert len(found) == batch.records, (found, batch.records)
        return found

    @property
    def content(self) -> set[bytes]:
        return {record for _, _, record in self.rows.values()}


def _quoted(raw: bytes) -> list[bytes]:
    return re.findall(rb'.*?\d"\r\n|.+\Z', raw, re.DOTALL)


def key_of(record: bytes) -> bytes:
    """Its number: what a half-written record has of it is a key too."""
    found = re.search(rb"session (\d+)|GET /(\d+)|(\d+)", record)
    return next(each for each in found.groups() if each) if found else record


def whole_table(form: Format, content: bytes) -> set[bytes]:
    """What is right: the file read at once, in one look."""
    watched = Watched(form)
    table = Table(form, watched)
    assert watched.look(content).outcome is Outcome.CUT
    table.work()
    assert table.rows
    return table.content


@pytest.mark.parametrize("name", FILES)
def test_looks_at_a_file_that_grows_find_no_half_record(name: str) -> None:
    """One file that grows bit by bit: versions that begin with those before them, none of which has settled."""
    form, content = FILES[name]
    watched = Watched(form)
    table = Table(form, watched)
    right = whole_table(form, content)
    for cut in range(1, len(content), 197):
        look = watched.look(content[:cut])
        assert look.outcome in (Outcome.CUT, Outcome.WAITING)
        table.work()
        assert table.content <= right, content[:cut][-80:]
    assert watched.look(content).outcome is Outcome.CUT
    table.work()
    assert table.content == right
    assert not watched.ledger.withdrawn
    assert {each.state for each in watched.ledger.all_objects()} == {ObjectState.CUT}


@pytest.mark.parametrize("name", FILES)
def test_a_half_record_that_had_settled_does_not_shadow_the_whole_one(
    name: str, request: pytest.FixtureRequest
) -> None:
    """Cut at each byte, left so for long, taken as it is; then the writer goes on."""
    form, content = FILES[name]
    right = whole_table(form, content)
    stride = 37 if name in SHARED else 11
    for cut in range(1, len(content), 1 if request.config.getoption("--every-cut", False) else stride):
        watched = Watched(form, max_records=100)
        table = Table(form, watched)
        if watched.look(content[:cut]).outcome is Outcome.WAITING:
            table.work()
            watched.settle()
            assert watched.look(content[:cut]).outcome in (Outcome.CUT, Outcome.UNAVAILABLE)
        table.work()
        assert watched.look(content).outcome is Outcome.CUT
        table.work()
        assert table.content == right, content[:cut][-80:]
        assert {each.state for each in watched.ledger.all_objects()} <= {ObjectState.CUT, ObjectState.HISTORY}
