"""Whether a schedule lost or doubled anything: the database, row for row, beside what the oracle says of the bytes.

Which ranges of which content were read, the ledger says, and each range's digest proves it. What must have become of
every record in them is the oracle's to say; that nothing of what is served at the end was left out, this module's.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, text

from dcp_pipeline.verify import FindingKind, verify
from oracle.compare import Differences, differences
from oracle.oracle import Expected, Outcome

TABLE, PIPELINE = "botnet", "default/botnet"
SHOWN = 5


@dataclass(frozen=True)
class Content:
    """One content of a file: its ETag, its bytes, and what the oracle says of its records (from 1)."""

    etag: str
    raw: bytes
    outcomes: tuple[Outcome, ...]


History = Mapping[str, Sequence[Content]]
"""File name -> its contents; the last is what is served at the end."""


@dataclass(frozen=True)
class Read:
    """An object of the ledger, with the content that it was read from."""

    name: str
    state: str
    reason: str
    cuts: tuple[Any, ...]
    content: Content | None
    last: bool
    """It is what is served at the end."""

    @property
    def whole(self) -> bool:
        """Whether every record of the content was cut."""
        return (
            self.state == "cut"
            and self.content is not None
            and sum(cut.records for cut in self.cuts) == len(self.content.outcomes)
        )


@dataclass
class Verdict:
    """What was found. `lost` and `doubled` count rows and rejects."""

    records: int = 0
    batches: int = 0
    dead: int = 0
    lost: int = 0
    doubled: int = 0
    expired: int = 0
    """Identities that are not in the table, for they are older than is kept."""
    findings: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing is lost, doubled or out of balance."""
        return not self.findings


def settled(engine: Engine, history: History) -> str | None:
    """What is still to be done; None where every served content is read and no batch is pending."""
    reads = _reads(engine, history)
    pending = sum(1 for each in reads for cut in each.cuts if cut.state == "cut")
    unread = [name for name in history if not any(each.whole for each in reads if each.name == name and each.last)]
    if pending or unread:
        return f"{pending} batches pending, not read: {', '.join(unread) or 'nothing'}"
    return None


def judge(engine: Engine, history: History, pipeline: str = PIPELINE) -> Verdict:
    """Compare a database in which nothing moves any more with what was served."""
    reads, verdict = _reads(engine, history), Verdict()
    expected = Expected()
    for each in reads:
        _expect(each, expected, verdict)
    verdict.records = expected.read
    found, expired = _without_expired(engine, differences(engine, expected, TABLE))
    verdict.expired = expired
    verdict.lost += len(found.lost) + found.rejects_lost.total()
    verdict.doubled += len(found.doubled) + found.rejects_doubled.total()
    verdict.findings += found.in_words()
    verdict.findings += _books(engine, expected, expired)
    verdict.findings += _verified(engine, pipeline, any(not each.last for each in reads))
    missing = settled(engine, history)
    if missing:
        verdict.findings.append(f"not settled: {missing}")
    return verdict


def _expect(read: Read, expected: Expected, verdict: Verdict) -> None:
    """Add what the object's settled batches must have brought."""
    if read.cuts and read.content is None:
        verdict.findings.append(f"{read.name}: an object whose cuts are of no content that was ever served")
        return
    for cut in read.cuts:
        verdict.batches += 1
        if cut.state != "done":
            verdict.dead += cut.state == "dead"
            if cut.state != "dead" or read.last:
                verdict.lost += cut.records
                verdict.findings.append(f"{read.name}: batch {cut.sequence} is {cut.state}: {cut.reason}")
            continue
        for number in range(cut.first_record, cut.first_record + cut.records):
            assert read.content is not None
            expected.add(read.name, number, read.content.outcomes[number - 1])


def _reads(engine: Engine, history: History) -> list[Read]:
    with engine.connect() as connection:
        objects = connection.execute(text("SELECT id, uri, state, reason, etag FROM dcp_objects ORDER BY number")).all()
        rows = connection.execute(
            text("SELECT object_id, sequence, start, `end` AS stop, records, first_record, digest, state, reason "
                 "FROM dcp_batches WHERE kind = 'cut' ORDER BY sequence")
        ).all()  # fmt: skip
    cuts: dict[str, list[Any]] = {}
    for row in rows:
        cuts.setdefault(row.object_id, []).append(row)
    return [_read(each, tuple(cuts.get(each.id, ())), history) for each in objects]


def _read(row: Any, cuts: tuple[Any, ...], history: History) -> Read:
    name = row.uri.rsplit("/", 1)[-1]
    contents = history.get(name, ())
    matching = [each for each in contents if all(_is_of(cut, each.raw) for cut in cuts)]
    # Contents may begin alike; then the ETag tells.
    named = [each for each in matching if each.etag == row.etag]
    content = (named or matching)[-1] if matching and cuts else None
    return Read(name, row.state, row.reason or "", cuts, content, content is not None and content is contents[-1])


def _is_of(cut: Any, raw: bytes) -> bool:
    return hashlib.blake2b(raw[cut.start : cut.stop], digest_size=16).hexdigest() == cut.digest


def _without_expired(engine: Engine, found: Differences) -> tuple[Differences, int]:
    """What is lost beside what is older than the horizon; and how much that is."""
    with engine.connect() as connection:
        query = text("SELECT value FROM dcp_meta WHERE name = :name")
        horizon = connection.execute(query, {"name": f"horizon/{TABLE}"}).scalar()
    if not horizon:
        return found, 0
    below = datetime.fromtimestamp(int(horizon, 16), UTC).strftime("%Y-%m-%d %H:%M:%S")
    lost = tuple(each for each in found.lost if each[0] >= below)
    return replace(found, lost=lost), len(found.lost) - len(lost)


def _books(engine: Engine, expected: Expected, gone: int) -> list[str]:
    columns = "SUM(`read`), SUM(written), SUM(duplicates), SUM(rejected), SUM(filtered), SUM(expired)"
    with engine.connect() as connection:
        row = connection.execute(text(f"SELECT {columns} FROM dcp_batches WHERE state = 'done'")).one()
    read, written, duplicates, rejected, filtered, expired = (int(each or 0) for each in row)
    # A copy of what has expired counts as written and expired once more, and not as a duplicate.
    again = max(0, written - expected.written) if gone else 0
    books = (read, written - again, duplicates + again, rejected, filtered)
    wanted = (expected.read, expected.written, expected.duplicates, expected.rejected, 0)
    said = [] if books == wanted else [f"the ledger's books are {books}, the oracle's {wanted}"]
    if expired < gone + again:
        said.append(f"{expired} rows have expired by the ledger, {gone} are gone, and {again} copies of such came")
    return said


def _verified(engine: Engine, pipeline: str, changed: bool) -> list[str]:
    """`dcp verify`'s own findings. What is unavailable or dead of replaced versions is as it should be."""
    fine = {FindingKind.UNAVAILABLE, FindingKind.DEAD} if changed else set[FindingKind]()
    found = [each for each in verify(engine, pipeline, TABLE).findings if each.kind not in fine]
    kinds = Counter(each.kind.value for each in found)
    return [f"verify: {dict(kinds)}; {each.uri}: {each.message}" for each in found[:SHOWN]]
