"""The pipeline that people write by hand: Celery on Redis, 1,000 records a task, rows by INSERT IGNORE on a hash.

    celery -A celery_worker worker --concurrency 2        # cleans
    python celery_worker.py URL                           # reads the files listed at URL and makes tasks of them

Settings from the environment: BROKER_URL, DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_NAME, GEOIP. It imports nothing of
this project. It is meant to be good: tasks survive a lost worker (acks_late), are idempotent (unique keys), one
connection a process, multi-row inserts sorted by key, deadlocks tried again, C code where the standard library has it.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
import socket
import sys
import urllib.request
from datetime import datetime
from itertools import islice
from typing import Any

import maxminddb
import pymysql
from celery import Celery
from celery.signals import worker_process_init
from pymysql.constants.ER import LOCK_DEADLOCK, LOCK_WAIT_TIMEOUT

RECORDS_PER_TASK = 1000
ATTEMPTS = 8
COLUMNS = ("timestamp", "src_ip", "src_port", "src_asn", "dst_ip", "dst_port", "protocol", "infection", "agent", "id")
MISSING = frozenset(("", "-", "NULL"))
INSERT_ROWS = (
    "INSERT IGNORE INTO botnet (seen_at, src_ip, src_port, dst_ip, family, src_country, fingerprint) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s)"
)
INSERT_REJECTS = "INSERT IGNORE INTO rejects (file, line, reason, raw) VALUES (%s, %s, %s, _binary %s)"
SCHEMA = (
    "CREATE TABLE botnet (id BIGINT AUTO_INCREMENT PRIMARY KEY, seen_at DATETIME(6) NOT NULL, src_ip VARCHAR(45) NOT "
    "NULL, src_port INT, dst_ip VARCHAR(45), family VARCHAR(100) NOT NULL, src_country VARCHAR(2), fingerprint "
    "BINARY(16) NOT NULL, UNIQUE KEY (fingerprint)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
    "CREATE TABLE rejects (file VARCHAR(255), line BIGINT, reason VARCHAR(255) NOT NULL, raw MEDIUMBLOB NOT NULL, "
    "PRIMARY KEY (file, line)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
)

app = Celery("celery_worker", broker=os.environ.get("BROKER_URL"))
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
)


class Resources:
    """What one worker process keeps open."""

    database: pymysql.Connection[Any]
    countries: maxminddb.Reader


resources = Resources()


class Refused(ValueError):
    """Why a record is not taken."""


@worker_process_init.connect
def open_resources(**_: object) -> None:
    resources.database = connect()
    resources.countries = maxminddb.open_database(os.environ["GEOIP"], maxminddb.MODE_MMAP_EXT)


def connect() -> pymysql.Connection[Any]:
    return pymysql.connect(
        host=os.environ["DB_HOST"],
        port=int(os.environ["DB_PORT"]),
        user=os.environ["DB_USER"],
        password=os.environ["DB_PASSWORD"],
        database=os.environ["DB_NAME"],
        charset="utf8mb4",
        init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    )


@app.task(bind=True, max_retries=3)
def clean(self: Any, file: str, first_line: int, text: str) -> None:
    """One chunk of a file. `text` is its bytes as Latin-1, for JSON has no bytes."""
    rows, rejects = [], []
    for line, raw in enumerate(text.encode("latin-1").split(b"\n")[:-1], first_line):
        try:
            rows.append(clean_record(raw))
        except ValueError as error:
            rejects.append((file, line, str(error)[:255], raw))
    rows.sort(key=lambda row: row[-1])
    try:
        write(rows, rejects)
    except pymysql.err.OperationalError as error:
        resources.database.ping(reconnect=True)
        raise self.retry(exc=error, countdown=1) from error


def write(rows: list[tuple[Any, ...]], rejects: list[tuple[Any, ...]]) -> None:
    """One transaction; again where it lost a deadlock."""
    for attempt in range(ATTEMPTS):
        try:
            with resources.database.cursor() as cursor:
                cursor.executemany(INSERT_ROWS, rows)
                cursor.executemany(INSERT_REJECTS, rejects)
            resources.database.commit()
            return
        except pymysql.err.OperationalError as error:
            resources.database.rollback()
            if error.args[0] not in (LOCK_DEADLOCK, LOCK_WAIT_TIMEOUT) or attempt == ATTEMPTS - 1:
                raise


def clean_record(raw: bytes) -> tuple[Any, ...]:
    """A row. Raises ValueError with the reason."""
    text = raw.decode("utf-8")
    if "\0" in text:
        raise Refused("NUL byte")
    cells = next(csv.reader((text,)), [])
    if len(cells) != len(COLUMNS):
        raise Refused(f"{len(cells)} cells instead of {len(COLUMNS)}")
    seen_at = moment(required(cells[0], "timestamp"))
    src_ip = address(required(cells[1], "src_ip"))
    src_port = None if cells[2] in MISSING else int(cells[2])
    if src_port is not None and not 0 <= src_port <= 65535:
        raise Refused(f"src_port {src_port} is no port")
    dst_ip = None if cells[4] in MISSING else address(cells[4])
    family = required(cells[7].strip(), "infection").lower()
    if len(family) > 100:
        raise Refused("infection is longer than 100")
    found = resources.countries.get(src_ip)
    country = found["country_code"] if found else None
    return seen_at, src_ip, src_port, dst_ip, family, country, fingerprint(seen_at, src_ip, dst_ip, family)


def required(cell: str, name: str) -> str:
    if cell in MISSING:
        raise Refused(f"{name} is missing")
    return cell


def moment(cell: str, pattern: re.Pattern[str] = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")) -> datetime:
    if not pattern.fullmatch(cell):
        raise Refused(f"timestamp {cell!r} is none")
    return datetime.fromisoformat(cell)


def address(cell: str) -> str:
    """In the usual spelling. inet_pton is several times as fast as the module ipaddress."""
    family = socket.AF_INET6 if ":" in cell else socket.AF_INET
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, cell))
    except OSError:
        raise Refused(f"{cell!r} is no address") from None


def fingerprint(*values: object) -> bytes:
    return hashlib.blake2b("\x1f".join(map(str, values)).encode(), digest_size=16).digest()


def main(url: str) -> None:
    """Make tasks of all files of a listing."""
    with urllib.request.urlopen(url) as listing:
        names = re.findall(r'href="([^"]+\.csv)"', listing.read().decode())
    for name in names:
        with urllib.request.urlopen(url + name) as lines:
            next(lines)
            line = 2
            while chunk := list(islice(lines, RECORDS_PER_TASK)):
                clean.delay(name, line, b"".join(chunk).decode("latin-1"))
                line += len(chunk)


if __name__ == "__main__":
    main(sys.argv[1])
