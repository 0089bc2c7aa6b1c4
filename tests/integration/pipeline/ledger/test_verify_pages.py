"""A whole verify goes by pages, finds on them what it finds on one, and goes on where another was ended."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.model import ObjectState
from dcp_pipeline.verify import FindingKind, VerifyReport, verify
from dcp_pipeline.verify import pages as verify_pages
from dcp_pipeline.verify.pages import Page, Part, Passed
from dcp_worker.sink import SinkWriter
from support.databases import Database
from support.sink_cases import PIPELINE, CleanedCase, Source, cleaning, reject, rows_of

SPEC = cleaning(("name", "string", 100), ("n", "integer"), unique=["name"])
DAMAGES = {
    FindingKind.ROWS: "DELETE FROM clean WHERE name = 'b1-0'",
    FindingKind.STRAY_ROWS: "INSERT INTO clean (name, _dcp_id, _dcp_batch, _dcp_record) VALUES ('z', x'{0}', x'{0}', 1)",
    FindingKind.REJECTS: "DELETE FROM dcp_rejects WHERE record = 3",
    FindingKind.DIGEST: "UPDATE dcp_objects SET version = 'other' WHERE number = 2",
    FindingKind.UNAVAILABLE: "UPDATE dcp_objects SET state = 'unavailable' WHERE number = 3",
    FindingKind.STRAY_REJECTS: "UPDATE dcp_rejects SET state = 'replayed', replay_batch = '{0}' WHERE record = 6",
}


class Ended(Exception):
    """In the place of a kill."""


@pytest.fixture
def database_of_three(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Three objects of two batches of three records, of which the last is a reject; pages of about a batch, two
    identities, an object."""
    ledger = Ledger(database.engine, PIPELINE)
    ledger.prepare()
    sink = SinkWriter(database.engine, PIPELINE, "clean")
    sink.prepare(SPEC)
    for number in range(3):
        source = Source(ledger, SPEC, uri=f"http://feeds/{number}.csv")
        for batch in range(2):
            lines = source.lines("a", "b", "c")
            rows = [(f"b{number}-{2 * batch + each}", each) for each in range(2)]
            first = 3 * batch + 1
            cleaned = CleanedCase(rows_of(SPEC, rows, first=first), (reject(first + 2),), read=3)
            sink.commit(lines, cleaned, worker="w")
        ledger.update_object(source.id, state=ObjectState.CUT)
    monkeypatch.setattr(verify_pages, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(verify_pages, "BATCHES_AT_ONCE", 1)
    monkeypatch.setattr(verify_pages, "OBJECTS_AT_ONCE", 1)
    return database


def whole(database: Database, pages: list[Page] | None = None) -> VerifyReport:
    def tell(page: Page, passed: Passed) -> None:
        if pages is not None:
            pages.append(page)

    return verify(database.engine, PIPELINE, "clean", tell=tell)


def ended_after(database: Database, pages: int) -> Passed:
    """How far a verify came that was ended after so many pages, as it is noted."""
    seen: list[Passed] = []

    def tell(page: Page, passed: Passed) -> None:
        seen.append(passed)
        if len(seen) == pages:
            raise Ended

    with pytest.raises(Ended):
        verify(database.engine, PIPELINE, "clean", tell=tell)
    return msgspec.json.decode(msgspec.json.encode(seen[-1]), type=Passed)


def damage(database: Database, kind: FindingKind) -> None:
    database.execute(DAMAGES[kind].format("ab" * 16))


def test_all_pages_together_are_the_whole(database_of_three: Database) -> None:
    pages: list[Page] = []
    report = whole(database_of_three, pages)
    assert (report.findings, report.objects, report.batches, report.rows, report.rejects) == ((), 3, 6, 12, 6)
    number = {part: sum(page.part is part for page in pages) for part in Part}
    assert number[Part.REST] == 1
    assert number[Part.OBJECTS] == 4
    # SQLite finds rows by their identities only: its batches are one page.
    assert number[Part.IDENTITIES] == 7
    assert number[Part.ROWS] == (1 if database_of_three.engine.dialect.name == "sqlite" else 7)
    for one, other in pairwise(pages):
        assert other.after == (one.upto or "")


@pytest.mark.parametrize("kind", DAMAGES)
def test_what_is_wrong_is_found_on_whichever_page_it_is(database_of_three: Database, kind: FindingKind) -> None:
    damage(database_of_three, kind)
    assert kind in {each.kind for each in whole(database_of_three).findings}


def test_a_verify_goes_on_from_every_page_at_which_another_was_ended(database_of_three: Database) -> None:
    for kind in DAMAGES:
        damage(database_of_three, kind)
    pages: list[Page] = []
    report = whole(database_of_three, pages)
    for number in range(1, len(pages) + 1):
        passed = ended_after(database_of_three, number)
        after: list[Page] = []

        def tell(page: Page, passed: Passed, to: list[Page] = after) -> None:
            to.append(page)

        found = verify(database_of_three.engine, PIPELINE, "clean", passed=passed, tell=tell)
        assert sorted(map(str, found.findings)) == sorted(map(str, report.findings)), number
        assert msgspec.structs.replace(found, findings=()) == msgspec.structs.replace(report, findings=()), number
        assert after == [*passed.again, *(pages[number:] or pages[-1:])]


def test_what_was_mended_since_is_not_told_by_who_goes_on(database_of_three: Database) -> None:
    damage(database_of_three, FindingKind.STRAY_ROWS)
    passed = ended_after(database_of_three, 8)
    assert passed.again
    database_of_three.execute("DELETE FROM clean WHERE name = 'z'")
    report = verify(database_of_three.engine, PIPELINE, "clean", passed=passed)
    assert (report.findings, report.rows, report.batches) == ((), 12, 6)


def test_batches_of_other_pipelines_lie_between_without_being_ours(database_of_three: Database) -> None:
    database_of_three.execute("UPDATE dcp_batches SET pipeline = 'default/other' WHERE sequence = 1")
    report = whole(database_of_three)
    assert FindingKind.STRAY_ROWS not in {each.kind for each in report.findings}
    assert (report.batches, report.rows) == (3, 6)
