"""Connections: their sessions, TLS, refusals that say what to mend, and no secret in any message."""

from __future__ import annotations

import socket
import struct
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pymysql
import pytest
import trustme
from sqlalchemy import Connection, Engine, text

from dcp_pipeline.database.errors import InfileRefused
from dcp_pipeline.database.mysql.connection import OFFERED_NAME, MemoryInfileConnection
from dcp_pipeline.database.rooms import dialect_of
from dcp_pipeline.database.transactions import Transactions
from dcp_pipeline.ledger import Ledger, LedgerError, Patience, SinkDenied, SinkUnavailable, TlsSettings, connect
from support.databases import Database
from support.dcp_process import dcp, write_spec
from support.mariadb_server import MariaDBServer, free_port, mariadb_missing, mariadb_server
from support.mysql_server import mysql_server

IMPATIENT = Patience(attempts=1, lost_attempts=0)
PASSWORD = "hunter2-never-shown"


def ping(engine: Engine) -> None:
    Ledger(engine, "default/x", IMPATIENT).ping()


@pytest.fixture(scope="module")
def tls_server() -> Iterator[MariaDBServer]:
    missing = mariadb_missing()
    if missing:
        pytest.skip(missing)
    with mariadb_server(tls=True) as server:
        yield server


def test_sessions_are_strict_in_utc_and_hold_locks_no_longer_than_the_lease(mysql_like: Database) -> None:
    isolation, idle = {
        "mariadb": ("tx_isolation", "idle_write_transaction_timeout"),
        "mysql": ("transaction_isolation", "wait_timeout"),
    }[mysql_like.kind]
    names = f"time_zone, sql_mode, {isolation}, innodb_lock_wait_timeout, {idle}, "
    with mysql_like.connect(lease_seconds=7).connect() as connection:
        row = connection.execute(
            text(
                "SELECT "
                + ", ".join(f"@@SESSION.{each.strip()}" for each in (names + "character_set_client").split(","))
            )
        ).one()
    assert (row[0], row[2], row[3], row[4], row[5]) == ("+00:00", "READ-COMMITTED", 7, 7, "utf8mb4")
    assert "STRICT_ALL_TABLES" in row[1]


def test_sqlite_waits_for_its_turn_and_syncs_each_commit(sqlite: Database) -> None:
    with sqlite.engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {each}").scalar()
            for each in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        ]
    assert found == ["wal", 2, 10_000, 1]


def test_tls_with_the_right_authority_is_used(tls_server: MariaDBServer) -> None:
    engine = connect(tls_server.url(), password=tls_server.password, tls=TlsSettings(ca=tls_server.ca_pem))
    with engine.connect() as connection:
        assert connection.execute(text("SHOW STATUS LIKE 'Ssl_cipher'")).one()[1]


def test_tls_with_another_authority_or_none_is_refused(tls_server: MariaDBServer) -> None:
    stranger = trustme.CA().cert_pem.bytes().decode()
    for tls in (TlsSettings(ca=stranger), TlsSettings()):
        with pytest.raises(SinkDenied, match=r"certificate verify failed.*TLS settings"):
            ping(connect(tls_server.url(), password=tls_server.password, tls=tls))
    ping(connect(tls_server.url(), password=tls_server.password, tls=TlsSettings(insecure_skip_verify=True)))


def test_without_tls_in_the_spec_what_can_be_encrypted_is(tls_server: MariaDBServer) -> None:
    with connect(tls_server.url(), password=tls_server.password).connect() as connection:
        _, cipher = connection.execute(text("SHOW STATUS LIKE 'Ssl_cipher'")).one()
    assert cipher


def test_tls_is_not_given_up_where_the_server_has_none(mysql_like: Database) -> None:
    assert mysql_like.server
    with mariadb_server("--skip-ssl") as plain, pytest.raises(SinkUnavailable):
        ping(connect(plain.url(), password=plain.password, tls=TlsSettings()))


def test_a_client_certificate_from_text_is_shown_to_the_server(tls_server: MariaDBServer) -> None:
    assert tls_server.client_pem
    cert, key = tls_server.client_pem
    tls_server.execute("CREATE OR REPLACE USER certified REQUIRE X509")
    tls_server.execute("GRANT ALL ON clean.* TO certified")
    ping(connect(tls_server.url("certified"), tls=TlsSettings(ca=tls_server.ca_pem, cert=cert, key=key)))
    with pytest.raises(SinkDenied, match="Access denied"):
        ping(connect(tls_server.url("certified"), tls=TlsSettings(ca=tls_server.ca_pem)))
    other = trustme.CA().issue_cert("other").private_key_pem.bytes().decode()
    with pytest.raises(LedgerError, match=r"tls.cert and tls.key are no matching PEM pair"):
        connect(tls_server.url(), tls=TlsSettings(cert=cert, key=other))
    with pytest.raises(LedgerError, match=r"tls.ca is no PEM certificate"):
        connect(tls_server.url(), tls=TlsSettings(ca="no certificate"))


def test_a_wrong_password_is_a_clear_error_without_the_password(mysql_like: Database) -> None:
    engine = connect(mysql_like.url, password=PASSWORD)
    with pytest.raises(SinkDenied, match=r"(Access denied|the password is wrong).*user, password") as caught:
        ping(engine)
    shown = "".join(traceback.format_exception(caught.value)) + repr(engine) + repr(engine.url)
    assert PASSWORD not in shown


def test_a_password_in_the_url_works_and_is_not_shown(mysql_like: Database) -> None:
    assert mysql_like.password
    engine = connect(mysql_like.url.replace("pipeline@", f"pipeline:{mysql_like.password}@"))
    ping(engine)
    assert mysql_like.password not in engine.url.render_as_string(hide_password=False)


def test_a_database_that_is_not_there_and_a_server_that_is_not_there_differ(mysql_like: Database) -> None:
    with pytest.raises(SinkDenied, match=r"Unknown database|Access denied .* to database"):
        ping(connect(mysql_like.url + "_absent", password=mysql_like.password))
    with pytest.raises(SinkUnavailable, match=r"Can't connect.*tried again later") as caught:
        ping(connect(f"mysql://dcp@127.0.0.1:{free_port()}/clean", password=PASSWORD))
    assert not isinstance(caught.value, SinkDenied)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("no url", "the sink's url is none"),
        ("oracle://u@h/db", "names 'oracle'"),
        ("mysql://u@h", "names no a database|names no"),
        ("sqlite://", "names no a file|names no"),
        ("mysql://u@h/db?charset=latin1", "unknown options"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, message: str) -> None:
    with pytest.raises(LedgerError, match=message):
        connect(url)


def test_a_folder_that_is_not_there_is_named(sqlite: Database) -> None:
    with pytest.raises(SinkDenied, match=r"/absent/x.db.*unable to open database file"):
        ping(connect("sqlite:////absent/x.db"))


def test_a_lost_connection_is_replaced_unseen(mysql_like: Database) -> None:
    engine = mysql_like.connect(pool_size=1)
    ledger = Ledger(engine, "default/x")
    with engine.connect() as connection:
        number = connection.execute(text("SELECT CONNECTION_ID()")).scalar()
    mysql_like.execute(f"KILL {number}")
    ledger.prepare()
    assert ledger.pending_batches() == 0


def test_a_connection_lost_while_tables_are_made_is_replaced_unseen(mysql_like: Database) -> None:
    lost = []

    def make(connection: Connection) -> int:
        with dialect_of(connection).ddl_lock(connection):
            if not lost:
                lost.append(connection.execute(text("SELECT CONNECTION_ID()")).scalar_one())
                mysql_like.execute(f"KILL {lost[0]}")
            return int(connection.execute(text("SELECT 1")).scalar_one())

    assert Transactions(mysql_like.connect(pool_size=1)).write(make) == 1
    assert lost


@contextmanager
def hostile_server(asks_for: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that speaks just enough MySQL to ask for a file; what the client sent afterwards."""
    received: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def packet(number: int, payload: bytes) -> bytes:
        return struct.pack("<I", len(payload))[:3] + bytes([number]) + payload

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            flags = 0x0081A28D  # protocol 4.1, secure connection, plugin auth, LOCAL FILES
            low, high = flags & 0xFFFF, flags >> 16
            greeting = (
                b"\x0a5.7.0\x00" + struct.pack("<I", 1) + b"12345678\x00" + struct.pack("<H", low) + b"\x2d\x02\x00"
            )
            greeting += struct.pack("<H", high) + b"\x15" + b"\x00" * 10 + b"123456789012\x00mysql_native_password\x00"
            client.sendall(packet(0, greeting))
            client.recv(65536)
            client.sendall(packet(2, b"\x00\x00\x00\x02\x00\x00\x00"))
            while b"LOAD DATA" not in (sent := client.recv(65536)):
                if not sent:
                    return
                client.sendall(packet(1, b"\x00\x00\x00\x02\x00\x00\x00"))
            client.sendall(packet(1, b"\xfb" + asks_for))
            while sent := client.recv(65536):
                received.append(sent)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], received
    finally:
        thread.join(10)
        listener.close()


def test_a_server_that_asks_for_another_file_gets_nothing() -> None:
    with hostile_server(b"/etc/hostname") as (port, received):
        connection = MemoryInfileConnection(host="127.0.0.1", port=port, user="u", ssl_disabled=True, local_infile=True)
        with pytest.raises(InfileRefused, match="asked for the local file b'/etc/hostname'"):
            connection.load_data(f"LOAD DATA LOCAL INFILE '{OFFERED_NAME}' INTO TABLE t", b"rows")
        assert not connection.open
    assert received == []


def test_a_server_that_asks_for_a_file_when_none_is_offered_gets_nothing() -> None:
    with hostile_server(OFFERED_NAME.encode()) as (port, received):
        connection = MemoryInfileConnection(host="127.0.0.1", port=port, user="u", ssl_disabled=True, local_infile=True)
        with pytest.raises(InfileRefused):
            connection.query("SELECT 'LOAD DATA'")
    assert received == []


def test_an_error_of_load_data_leaves_the_connection_usable(mysql_like: Database) -> None:
    assert mysql_like.server
    connection = MemoryInfileConnection(
        host=mysql_like.server.host,
        port=mysql_like.server.port,
        user="dcp",
        password=mysql_like.password,
        local_infile=True,
    )
    with pytest.raises(pymysql.err.Error, match=r"doesn't exist|No database selected"):
        connection.load_data(f"LOAD DATA LOCAL INFILE '{OFFERED_NAME}' INTO TABLE absent", b"rows")
    connection.ping(reconnect=False)
    connection.close()


def test_the_servers_weak_settings_are_named(mariadb: Database) -> None:
    """The tests' own server is set to be quick, not to be durable."""
    warnings = " ".join(Ledger(mariadb.engine, "default/test").warnings())
    assert "innodb_flush_log_at_trx_commit is 2" in warnings
    assert "innodb_flush_method is nosync" in warnings
    assert "innodb_doublewrite is off" in warnings


def test_sqlite_has_settings_of_ours(sqlite: Database) -> None:
    assert Ledger(sqlite.engine, "default/test").warnings() == []


@pytest.mark.parametrize("start", [mariadb_server, mysql_server])
def test_a_server_that_logs_statements_is_told_at_the_start_with_what_to_set(
    start: Callable[..., AbstractContextManager[MariaDBServer]], tmp_path: Path
) -> None:
    with start("--log-bin", "--server-id=1", "--binlog-format=STATEMENT") as server:
        url = server.create_database("logged")
        engine = connect(url, password=server.password)
        with pytest.raises(SinkDenied, match=r"binlog_format is STATEMENT.*SET GLOBAL binlog_format = 'ROW'"):
            Ledger(engine, "default/x").prepare()
        assert not server.execute("SHOW TABLES", "logged")
        spec = write_spec(tmp_path / "spec.yaml", "http://127.0.0.1:9/", sink=url)
        env = {"DCP_SECRET_SINK_PASSWORD": server.password}
        code, ran = dcp(tmp_path, "run", str(spec), "--once", env=env)
        assert code == 1
        assert "binlog_format is STATEMENT" in ran.err()
        assert "Traceback" not in ran.err()
        server.execute("SET GLOBAL binlog_format = 'MIXED'")
        Ledger(engine, "default/x").prepare()  # by the same engine: a process that waits goes on
        engine.dispose()


def test_a_server_that_begins_to_log_statements_is_no_trace(mariadb: Database) -> None:
    assert mariadb.server
    with mariadb_server("--log-bin", "--server-id=1", "--binlog-format=MIXED") as server:
        engine = connect(server.create_database("logged"), password=server.password)
        ledger = Ledger(engine, "default/x")
        ledger.prepare()
        engine.dispose()
        server.execute("SET GLOBAL binlog_format = 'STATEMENT'")
        with pytest.raises(SinkDenied, match=r"BINLOG_FORMAT = STATEMENT"):
            ledger.save_spec("r", b"{}")
        engine.dispose()
