"""What the fetcher and the command line record and find, on SQLite and MariaDB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from dcp_pipeline.ledger import Ledger, LedgerConflict, LedgerError, LedgerVersion
from dcp_pipeline.ledger.changes import SCHEMA_VERSION
from dcp_pipeline.ledger.model import BatchState, Cut, ObjectState, SourceObject, TaskState
from support.databases import PIPELINE, Database


def object_(number: int, uri: str = "http://feed/ä.csv", source: str = "s", **more: object) -> SourceObject:
    made = SourceObject(f"{number:032x}", PIPELINE, source, uri, f'W/"{number}"', "r1")
    return replace(made, **more)  # type: ignore[arg-type]


def cut(number: int, records: int = 5) -> Cut:
    return Cut(
        f"{number + 1000:032x}", number, number * 10, number * 10 + 10, records, 1 + number * records, 2, "d" * 32
    )


def test_an_object_is_recorded_once_and_found_newest_first(ledger: Ledger) -> None:
    first = object_(1, header=("a", "b,c", "ü"), header_end=9, header_lines=1, etag='"x"', size_bytes=2**40)
    assert ledger.open_object(first) == first
    assert ledger.open_object(replace(first, header=None)) == first
    second, elsewhere = object_(2), object_(3, uri="http://feed/b.csv")
    for each in (second, elsewhere, object_(4, source="other")):
        ledger.open_object(each)
    assert ledger.objects("s") == [elsewhere, second, first]
    assert ledger.objects("s", [first.uri]) == [second, first]
    assert ledger.object(first.id) == first


def test_a_page_of_uris_the_unavailable_and_the_last_headers_are_asked_for(ledger: Ledger) -> None:
    for number in range(1, 8):
        header = ("a", "b") if number < 4 else ("a", "c,d")
        ledger.open_object(object_(number, uri=f"http://feed/{number}?q=ü", header=header))
    ledger.open_object(object_(8, uri="http://feed/8"))
    ledger.open_object(object_(9, uri="http://feed/1?q=ü", source="other", header=("z",)))
    ledger.update_object(object_(3).id, state=ObjectState.UNAVAILABLE, reason="damaged")
    found = ledger.objects("s", ["http://feed/2?q=ü", "http://feed/8", "http://feed/none"])
    assert [each.id for each in found] == [object_(8).id, object_(2).id]
    assert ledger.objects("s", []) == []
    assert [(each.id, each.reason) for each in ledger.unavailable_objects("s")] == [(object_(3).id, "damaged")]
    assert sorted(ledger.uris_with_query("s")) == [f"http://feed/{number}?q=ü" for number in range(1, 8)]
    assert sorted(ledger.last_headers("s", 100)) == [("a", "b"), ("a", "c,d")]
    assert ledger.last_headers("s", 3) == [("a", "c,d")]


def test_an_objects_state_moves_and_what_is_not_given_stays(ledger: Ledger) -> None:
    ledger.open_object(object_(1, etag='"x"'))
    ledger.update_object(object_(1).id, state=ObjectState.UNAVAILABLE, reason="gone: " + "x" * 9000, header=("a",))
    [found] = ledger.objects("s")
    assert (found.state, found.header, found.etag) == (ObjectState.UNAVAILABLE, ("a",), '"x"')
    assert found.reason is not None
    assert len(found.reason) == 4000
    with pytest.raises(LedgerConflict, match="knows no object"):
        ledger.update_object("f" * 32, state=ObjectState.CUT)


def test_recorded_cuts_are_found_again_and_identical_ones_stay(ledger: Ledger) -> None:
    ledger.open_object(object_(1))
    cuts = [cut(0), replace(cut(1), defect="a quote is never closed"), cut(2)]
    ledger.record_cuts(object_(1).id, cuts[:2])
    ledger.record_cuts(object_(1).id, cuts)
    assert ledger.mark_dead(cuts[0].batch_id, "poison", 3)
    ledger.record_cuts(object_(1).id, cuts)
    assert ledger.cuts(object_(1).id) == [replace(cuts[0], state=BatchState.DEAD), *cuts[1:]]
    assert ledger.pending_batches() == 2


def test_another_cut_under_the_same_sequence_is_refused_and_nothing_is_recorded(ledger: Ledger) -> None:
    ledger.open_object(object_(1))
    ledger.record_cuts(object_(1).id, [cut(0)])
    other = replace(cut(0), batch_id="e" * 32, digest="e" * 32)
    with pytest.raises(LedgerConflict, match="cut 0 is recorded as bytes 0-10"):
        ledger.record_cuts(object_(1).id, [cut(1), other])
    assert ledger.cuts(object_(1).id) == [cut(0)]
    with pytest.raises(LedgerConflict, match="knows no object"):
        ledger.record_cuts("f" * 32, [cut(0)])


def test_two_fetchers_that_record_the_same_cuts_do_not_collide(ledger: Ledger) -> None:
    def record(_: int) -> None:
        ledger.open_object(object_(1))
        ledger.record_cuts(object_(1).id, [cut(n) for n in range(20)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(record, range(8)))
    assert len(ledger.cuts(object_(1).id)) == 20
    assert len(ledger.objects("s")) == 1


def test_incomplete_objects_are_those_being_cut_or_with_unsettled_batches(ledger: Ledger) -> None:
    for number in range(1, 5):
        ledger.open_object(object_(number))
        ledger.record_cuts(object_(number).id, [replace(cut(0), batch_id=f"{number:032x}")])
    ledger.update_object(object_(2).id, state=ObjectState.CUT)
    ledger.update_object(object_(3).id, state=ObjectState.CUT)
    ledger.mark_dead(f"{3:032x}", "poison", 1)
    ledger.update_object(object_(4).id, state=ObjectState.UNAVAILABLE)
    assert [each.id for each in ledger.incomplete_objects()] == [object_(1).id, object_(2).id, object_(4).id]


def test_a_dead_batch_is_named_with_its_range_and_can_be_revived(ledger: Ledger) -> None:
    ledger.open_object(object_(1))
    ledger.record_cuts(object_(1).id, [cut(0), cut(1)])
    assert ledger.mark_dead(cut(1).batch_id, "crashed 3 workers", 3)
    assert not ledger.mark_dead(cut(1).batch_id, "again", 4)
    [dead] = ledger.dead_batches()
    assert (dead.batch_id, dead.uri, dead.sequence, dead.start, dead.end, dead.records) == (
        cut(1).batch_id,
        object_(1).uri,
        1,
        10,
        20,
        5,
    )
    assert (dead.reason, dead.attempts) == ("crashed 3 workers", 3)
    [entry] = ledger.books().objects
    assert (entry.read, entry.pending, entry.dead, entry.batches) == (10, 5, 5, 2)
    assert ledger.revive([cut(0).batch_id, cut(1).batch_id]) == 1
    assert ledger.dead_batches() == []


def test_pipelines_in_one_database_do_not_see_each_other(database: Database, ledger: Ledger) -> None:
    ledger.open_object(object_(1))
    ledger.record_cuts(object_(1).id, [cut(0)])
    other = Ledger(database.engine, "default/other")
    assert (other.objects("s"), other.pending_batches(), other.books().objects) == ([], 0, ())
    assert not other.mark_dead(cut(0).batch_id, "not mine", 1)
    with pytest.raises(LedgerConflict, match="is of pipeline default/test"):
        other.open_object(object_(1))


def test_a_task_is_registered_once_and_kept_in_order(ledger: Ledger) -> None:
    assert ledger.register_task("t1", b'{"url": "\xff"}', "http://x/1", 5, "s")
    assert not ledger.register_task("t1", b"other", "http://x/2")
    assert ledger.register_task("t2", b"broken", None)
    ledger.update_task("t2", state=TaskState.FAILED, reason="no JSON")
    ledger.register_task("t0", b"{}", "http://x/0")
    ledger.update_task("t1", attempts=2, object_id="a" * 32)
    first = ledger.open_tasks()[0]
    assert [each.id for each in ledger.open_tasks()] == ["t1", "t0"]
    assert (first.raw, first.priority, first.source, first.attempts, first.object_id) == (
        b'{"url": "\xff"}',
        5,
        "s",
        2,
        "a" * 32,
    )
    assert ledger.purge_tasks(3600) == 0
    assert ledger.purge_tasks(-60) == 1
    assert ledger.task("t2") is None
    with pytest.raises(ValueError, match="1 to 255 characters"):
        ledger.register_task("x" * 256, b"", None)


def test_a_revisions_document_is_kept_as_it_was_first_saved(ledger: Ledger) -> None:
    ledger.save_spec("r1", b'{"\x00": 1}')
    ledger.save_spec("r1", b"other")
    assert ledger.spec("r1") == b'{"\x00": 1}'
    with pytest.raises(LedgerError, match="holds no revision r2"):
        ledger.spec("r2")


def test_processes_that_start_together_make_the_tables_once(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: Ledger(database.connect(pool_size=1), PIPELINE).prepare(), range(6)))
    assert database.execute("SELECT value FROM dcp_meta WHERE name = 'schema'") == [(str(SCHEMA_VERSION),)]


def test_tables_of_a_newer_release_are_left_alone(database: Database, ledger: Ledger) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE dcp_meta SET value = '99' WHERE name = 'schema'"))
    with pytest.raises(LedgerVersion, match="version 99, made by a newer release"):
        Ledger(database.engine, PIPELINE).prepare()


def test_a_ledger_that_was_never_made_says_so(database: Database) -> None:
    with pytest.raises(LedgerError, match="has it run with this sink"):
        Ledger(database.engine, PIPELINE).books()
