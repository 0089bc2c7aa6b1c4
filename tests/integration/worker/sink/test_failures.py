"""The database fails in the middle of a transaction: all or nothing, and once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from dcp_pipeline.ledger import Ledger, Patience, SinkUnavailable, connect
from dcp_pipeline.ledger.model import Counts
from dcp_pipeline.observe.phases import Observer, Phase
from dcp_pipeline.verify import verify
from dcp_worker.sink import CommitKind, CommitOutcome, SinkWriter
from support.databases import Database
from support.mariadb_server import MariaDBServer, mariadb_missing, mariadb_server
from support.sink_cases import PIPELINE, CleanedCase, Source, cleaning, reject, rows_of
from support.tcp_proxy import tcp_proxy
from support.waiting import wait_until

SPEC = cleaning(("name", "string", 100), ("n", "integer"), unique=["name"])
QUICK = Patience(attempts=2, lost_attempts=2, base_seconds=0.01)


def opened(engine: Engine, patience: Patience | None = None) -> tuple[Ledger, SinkWriter]:
    ledger = Ledger(engine, PIPELINE)
    ledger.prepare()
    sink = SinkWriter(engine, PIPELINE, "clean", patience=patience)
    sink.prepare(SPEC)
    return ledger, sink


def case(first: int, count: int) -> CleanedCase:
    """`count` rows, the first of them of record `first`."""
    rows = [(f"name {n}", n) for n in range(first, first + count)]
    return CleanedCase(rows_of(SPEC, rows, first=first), read=count)


def lines(count: int) -> list[str]:
    return [f"line {n}" for n in range(count)]


def assert_whole(engine: Engine, rows: int) -> None:
    report = verify(engine, PIPELINE, "clean")
    assert (report.findings, report.rows) == ((), rows)


def at_inserted(act: Callable[[], object]) -> Observer:
    """Acts the first time that rows are inserted and not committed."""
    left = [act]

    def observe(phase: Phase, _: str) -> None:
        if phase is Phase.INSERTED and left:
            left.pop()()

    return observe


@pytest.fixture
def own_server() -> Iterator[MariaDBServer]:
    missing = mariadb_missing()
    if missing:
        pytest.skip(missing)
    with mariadb_server() as server:
        yield server


def test_a_server_killed_between_insert_and_commit_has_the_batch_once(own_server: MariaDBServer) -> None:
    engine = connect(own_server.url(), password=own_server.password)
    ledger, sink = opened(engine, Patience(lost_attempts=2, base_seconds=0.01))
    source = Source(ledger, SPEC)
    first, second = source.lines(*lines(3)), source.lines(*lines(3))
    with pytest.raises(SinkUnavailable, match="tried again later"):
        sink.commit(first, case(1, 3), worker="w", observer=at_inserted(own_server.kill))
    own_server.start()
    assert ledger.pending_batches() == 2
    assert sink.commit(first, case(1, 3), worker="w").kind is CommitKind.COMMITTED

    def kill_and_start() -> None:
        own_server.kill()
        own_server.start()

    outcome = sink.commit(second, case(4, 3), worker="w", observer=at_inserted(kill_and_start))
    assert outcome.kind is CommitKind.COMMITTED
    assert_whole(engine, 6)
    engine.dispose()


@pytest.mark.parametrize("arrives", [True, False], ids=["the COMMIT arrived", "the COMMIT was lost"])
def test_a_connection_cut_in_the_middle_of_commit_has_the_batch_once(mariadb: Database, arrives: bool) -> None:
    assert mariadb.server
    with tcp_proxy(mariadb.server.host, mariadb.server.port) as proxy:
        url = mariadb.url.replace(f":{mariadb.server.port}/", f":{proxy.port}/")
        engine = connect(url, password=mariadb.password)
        ledger, sink = opened(engine)
        batch = Source(ledger, SPEC).lines(*lines(3))
        cut = proxy.cut_after if arrives else proxy.cut_before
        outcome = sink.commit(batch, case(1, 3), worker="w", observer=at_inserted(lambda: cut(b"COMMIT")))
        assert proxy.cuts == 1
        assert outcome.kind is (CommitKind.ALREADY_DONE if arrives else CommitKind.COMMITTED)
        assert outcome.counts == Counts(3, 3, 0, 0)
        assert_whole(engine, 3)
        engine.dispose()


def test_a_network_that_stays_away_leaves_the_batch_pending(mysql_like: Database) -> None:
    assert mysql_like.server
    with tcp_proxy(mysql_like.server.host, mysql_like.server.port) as proxy:
        url = mysql_like.url.replace(f":{mysql_like.server.port}/", f":{proxy.port}/")
        engine = connect(url, password=mysql_like.password)
        ledger, sink = opened(engine, QUICK)
        batch = Source(ledger, SPEC).lines(*lines(3))

        def unplug() -> None:
            proxy.refuse()
            proxy.cut_all()

        with pytest.raises(SinkUnavailable):
            sink.commit(batch, case(1, 3), worker="w", observer=at_inserted(unplug))
        proxy.refuse(False)
        assert ledger.pending_batches() == 1
        assert sink.commit(batch, case(1, 3), worker="w").kind is CommitKind.COMMITTED
        assert_whole(engine, 3)
        engine.dispose()


def test_a_lock_wait_timeout_keeps_no_half_of_a_transaction(mysql_like: Database) -> None:
    ledger, sink = opened(mysql_like.connect(lease_seconds=1), QUICK)
    batch = Source(ledger, SPEC).lines(*lines(3))
    cleaned = case(1, 3)
    blocker = mysql_like.engine.raw_connection()
    cursor = blocker.cursor()
    # Holds the identity of the last row that would be inserted: those before it are in the transaction already.
    last = cleaned.rows.sort("_dcp_id")["_dcp_id"][-1]
    cursor.execute("INSERT INTO clean (_dcp_id, _dcp_batch, _dcp_record) VALUES (%s, %s, 0)", (last, b"b" * 16))
    with pytest.raises(SinkUnavailable, match=r"[Ll]ock wait timeout"):
        sink.commit(batch, cleaned, worker="w")
    blocker.rollback()
    blocker.close()
    assert mysql_like.execute("SELECT COUNT(*) FROM clean") == [(0,)]
    assert ledger.pending_batches() == 1
    assert sink.commit(batch, cleaned, worker="w").counts == Counts(3, 3, 0, 0)
    assert_whole(mysql_like.engine, 3)


def test_a_stopped_worker_loses_its_locks_and_its_batch_counts_once(mysql_like: Database) -> None:
    ledger, zombie = opened(mysql_like.connect(lease_seconds=1), QUICK)
    heir = SinkWriter(mysql_like.connect(lease_seconds=10), PIPELINE, "clean")
    heir.prepare(SPEC)
    batch = Source(ledger, SPEC).lines(*lines(3))
    holds, wakes = threading.Event(), threading.Event()

    def sleep_deeply() -> None:
        holds.set()
        wakes.wait(60)

    with ThreadPoolExecutor(1) as pool:
        asleep = pool.submit(zombie.commit, batch, case(1, 3), worker="zombie", observer=at_inserted(sleep_deeply))
        assert holds.wait(30)
        # The heir waits for the claim's lock until the server drops the session that sleeps in its transaction.
        assert heir.commit(batch, case(1, 3), worker="heir").kind is CommitKind.COMMITTED
        wakes.set()
        assert asleep.result(30).kind is CommitKind.ALREADY_DONE
    assert_whole(mysql_like.engine, 3)


@pytest.mark.parametrize("local_infile", [True, False], ids=["load-data", "insert"])
def test_two_workers_that_deadlock_both_commit(mysql_like: Database, local_infile: bool) -> None:
    ledger, sink = opened(mysql_like.connect(local_infile=local_infile))
    source, before = Source(ledger, SPEC), mysql_like.execute(_DEADLOCKS)
    held = case(1, 200)
    batch = source.lines(*lines(200))
    # A transaction that holds the last identity and then wants the claim, which the worker holds by then.
    rival = mysql_like.engine.raw_connection()
    cursor = rival.cursor()
    last = held.rows.sort("_dcp_id")["_dcp_id"][-1]
    cursor.execute("INSERT INTO clean (_dcp_id, _dcp_batch, _dcp_record) VALUES (%s, %s, 0)", (last, b"b" * 16))
    for number in range(500):  # heavier than the worker's, so that the worker is the victim
        cursor.execute("INSERT INTO dcp_meta VALUES (%s, '')", (f"weight {number}",))
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(sink.commit, batch, held, worker="w")
        # InnoDB renews this table only when nobody has read it for 0.1 s: asked more often, it shows the past for ever.
        wait_until(lambda: mysql_like.execute(_WAITING), "the worker waits for the rival's row", every_seconds=0.3)
        cursor.execute("SELECT state FROM dcp_batches WHERE id = %s FOR UPDATE", (batch.id,))
        rival.rollback()
        assert working.result(30).counts == Counts(200, 200, 0, 0)
    rival.close()
    assert mysql_like.execute(_DEADLOCKS) > before
    assert_whole(mysql_like.engine, 200)


_DEADLOCKS = "SELECT COUNT FROM information_schema.INNODB_METRICS WHERE NAME = 'lock_deadlocks'"
_WAITING = "SELECT 1 FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'"


def test_workers_side_by_side_write_every_identity_once(database: Database) -> None:
    ledger, sink = opened(database.engine)
    source = Source(ledger, SPEC)
    batches = [source.lines(*lines(50)) for _ in range(8)]
    # Each batch shares most of its identities with all others.
    cases = [
        CleanedCase(
            rows_of(
                SPEC, [(f"name {(n + k) % 60}", n) for n in range(50)], [(n + k) % 60 for n in range(50)], 1 + 50 * k
            ),
            read=50,
        )
        for k in range(8)
    ]

    def commit(number: int) -> CommitOutcome:
        return sink.commit(batches[number], cases[number], worker=f"w{number}")

    with ThreadPoolExecutor(4) as pool:
        outcomes = [*pool.map(commit, range(8)), *pool.map(commit, range(8))]
    assert [each.kind for each in outcomes].count(CommitKind.COMMITTED) == 8
    assert_whole(database.engine, 57)
    assert ledger.books().balanced


def test_a_full_sqlite_disk_says_what_to_do_and_loses_nothing(sqlite: Database) -> None:
    engine = sqlite.connect(pool_size=1)
    ledger, sink = opened(engine)
    batch = Source(ledger, SPEC).lines(*lines(2000))
    cleaned = CleanedCase(case(1, 1999).rows, (reject(2000, b"y" * 60_000),), read=2000)
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(SinkUnavailable, match=r"disk is full.*free space on the database's disk"):
        sink.commit(batch, cleaned, worker="w")
    assert ledger.pending_batches() == 1
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert sink.commit(batch, cleaned, worker="w").kind is CommitKind.COMMITTED
    assert_whole(engine, 1999)
    engine.dispose()


def test_a_read_only_server_says_what_to_do(own_server: MariaDBServer) -> None:
    engine = connect(own_server.url(user="plain"), password="plain")
    own_server.execute("CREATE USER plain IDENTIFIED BY 'plain'")
    own_server.execute("GRANT ALL ON clean.* TO plain")
    ledger, sink = opened(engine, QUICK)
    batch = Source(ledger, SPEC).lines(*lines(3))
    own_server.execute("SET GLOBAL read_only = 1")
    with pytest.raises(SinkUnavailable, match=r"read-only.*make the database writable again"):
        sink.commit(batch, case(1, 3), worker="w")
    own_server.execute("SET GLOBAL read_only = 0")
    assert sink.commit(batch, case(1, 3), worker="w").kind is CommitKind.COMMITTED
    engine.dispose()
