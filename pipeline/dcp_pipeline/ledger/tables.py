"""The ledger's tables, all in the sink's database. model.py holds what they mean; schema.py makes them.

Ids are hexadecimal text here, for people who look; the clean table's own columns hold them as 16 bytes. Times are
UTC. Text is compared as bytes, so that what is stored is what was sent.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

SCHEMA_VERSION = 1
PREFIX = "dcp_"
"""Of the ledger's tables. The clean table may not be named so."""

_IN_MYSQL: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}


def _ascii(length: int) -> TypeEngine[str]:
    return String(length).with_variant(mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql")


ID = String(32).with_variant(mysql.CHAR(32, charset="ascii", collation="ascii_bin"), "mysql")
KEY = _ascii(127)
WORD = _ascii(63)
LONG_TEXT = Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
BYTES = LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql")
TIME = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
NUMBER = BigInteger().with_variant(Integer(), "sqlite")

METADATA = MetaData()

OBJECTS = Table(
    "dcp_objects",
    METADATA,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("id", ID, nullable=False, unique=True),
    Column("pipeline", KEY, nullable=False),
    Column("source", WORD, nullable=False),
    Column("uri", LONG_TEXT, nullable=False),
    Column("uri_digest", ID, nullable=False),
    Column("version", LONG_TEXT, nullable=False),
    Column("revision", _ascii(127), nullable=False),
    Column("state", WORD, nullable=False),
    Column("header", LONG_TEXT),
    Column("header_end", BigInteger, nullable=False),
    Column("header_lines", BigInteger, nullable=False),
    Column("etag", LONG_TEXT),
    Column("last_modified", LONG_TEXT),
    Column("size_bytes", BigInteger),
    Column("reason", LONG_TEXT),
    Column("created_at", TIME, nullable=False),
    Column("updated_at", TIME, nullable=False),
    Index("dcp_objects_uri", "pipeline", "source", "uri_digest"),
    **_IN_MYSQL,
)

BATCHES = Table(
    "dcp_batches",
    METADATA,
    Column("id", ID, primary_key=True),
    Column("pipeline", KEY, nullable=False),
    Column("object_id", ID, nullable=False),
    Column("kind", WORD, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("first_record", BigInteger, nullable=False),
    Column("first_line", BigInteger, nullable=False),
    Column("digest", ID, nullable=False),
    Column("defect", LONG_TEXT),
    Column("state", WORD, nullable=False),
    Column("read", BigInteger),
    Column("written", BigInteger),
    Column("duplicates", BigInteger),
    Column("rejected", BigInteger),
    Column("filtered", BigInteger),
    Column("kept_bytes", BigInteger),
    Column("reason", LONG_TEXT),
    Column("worker", Text().with_variant(mysql.VARCHAR(255), "mysql")),
    Column("attempts", Integer),
    Column("created_at", TIME, nullable=False),
    Column("settled_at", TIME),
    UniqueConstraint("object_id", "kind", "sequence", name="dcp_batches_object"),
    Index("dcp_batches_state", "pipeline", "state"),
    Index("dcp_batches_settled", "pipeline", "settled_at"),
    **_IN_MYSQL,
)
"""`kept_bytes`: what the batch's rejects keep of their records. `settled_at`: when it was done, or died."""

REJECTS = Table(
    "dcp_rejects",
    METADATA,
    Column("batch_id", ID, primary_key=True),
    Column("record", BigInteger, primary_key=True, autoincrement=False),
    Column("object_id", ID, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("code", WORD, nullable=False),
    Column("field", Text().with_variant(mysql.VARCHAR(64), "mysql")),
    Column("reason", LONG_TEXT, nullable=False),
    Column("raw", BYTES),
    Column("raw_bytes", BigInteger, nullable=False),
    Column("raw_digest", ID, nullable=False),
    Column("state", WORD, nullable=False),
    Column("replay_batch", ID),
    Index("dcp_rejects_object", "object_id", "record"),
    Index("dcp_rejects_code", "object_id", "state", "code"),
    **_IN_MYSQL,
)

SPECS = Table(
    "dcp_specs",
    METADATA,
    Column("pipeline", KEY, primary_key=True),
    Column("revision", _ascii(127), primary_key=True),
    Column("document", BYTES, nullable=False),
    Column("created_at", TIME, nullable=False),
    **_IN_MYSQL,
)

TASKS = Table(
    "dcp_tasks",
    METADATA,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("pipeline", KEY, nullable=False),
    Column("id", Text().with_variant(mysql.VARCHAR(255), "mysql"), nullable=False),
    Column("raw", BYTES, nullable=False),
    Column("url", LONG_TEXT),
    Column("priority", BigInteger),
    Column("source", LONG_TEXT),
    Column("state", WORD, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("object_id", ID),
    Column("reason", LONG_TEXT),
    Column("created_at", TIME, nullable=False),
    Column("updated_at", TIME, nullable=False),
    UniqueConstraint("pipeline", "id", name="dcp_tasks_id"),
    Index("dcp_tasks_state", "pipeline", "state"),
    **_IN_MYSQL,
)

META = Table(
    "dcp_meta",
    METADATA,
    Column("name", Text().with_variant(mysql.VARCHAR(255), "mysql"), primary_key=True),
    Column("value", LONG_TEXT, nullable=False),
    **_IN_MYSQL,
)
"""`schema`: the version of these tables. `table/NAME`: what the rows of a clean table are identified by."""


class utc_now(FunctionElement[Any]):
    """The database's own clock, in UTC: the workers' clocks may differ."""

    type = DateTime()
    inherit_cache = True


@compiles(utc_now, "mysql")
def _utc_now_mysql(_element: Any, _compiler: Any, **_: Any) -> str:
    return "UTC_TIMESTAMP(6)"


@compiles(utc_now, "sqlite")
def _utc_now_sqlite(_element: Any, _compiler: Any, **_: Any) -> str:
    return "STRFTIME('%Y-%m-%d %H:%M:%f000', 'now')"
