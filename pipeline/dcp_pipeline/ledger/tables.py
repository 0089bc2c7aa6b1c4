"""The ledger's tables, all in the sink's database. model.py holds what they mean; schema.py makes them.

Ids are hexadecimal text here, for people who look; the clean table's own columns hold them as 16 bytes. Times are
UTC. Text is compared as bytes, so that what is stored is what was sent.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, UniqueConstraint

from dcp_pipeline.database.columns import Ascii, Bytes, Counter, Id, Label, LongText, Moment

PREFIX = "dcp_"
"""Of the ledger's tables. The clean table may not be named so."""

ID = Id(32)
KEY = Ascii(127)
REASON_CHARS = 4000
WORD = Ascii(63)

METADATA = MetaData()

OBJECTS = Table(
    "dcp_objects",
    METADATA,
    Column("number", Counter(), primary_key=True, autoincrement=True),
    Column("id", ID, nullable=False, unique=True),
    Column("pipeline", KEY, nullable=False),
    Column("source", WORD, nullable=False),
    Column("uri", LongText(), nullable=False),
    Column("uri_digest", ID, nullable=False),
    Column("version", LongText(), nullable=False),
    Column("revision", Ascii(127), nullable=False),
    Column("state", WORD, nullable=False),
    Column("header", LongText()),
    Column("header_end", BigInteger, nullable=False),
    Column("header_lines", BigInteger, nullable=False),
    Column("etag", LongText()),
    Column("last_modified", LongText()),
    Column("size_bytes", BigInteger),
    Column("reason", LongText()),
    Column("created_at", Moment(), nullable=False),
    Column("updated_at", Moment(), nullable=False),
    Column("counted", Integer),
    Index("dcp_objects_uri", "pipeline", "source", "uri_digest"),
    Index("dcp_objects_state", "pipeline", "state"),
    Index("dcp_objects_counted", "pipeline", "counted"),
)
"""`counted`: 1 where its books are in dcp_totals; NULL where they are summed up by whoever asks."""

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
    Column("header", LongText()),
    Column("defect", LongText()),
    Column("state", WORD, nullable=False),
    Column("read", BigInteger),
    Column("written", BigInteger),
    Column("duplicates", BigInteger),
    Column("rejected", BigInteger),
    Column("filtered", BigInteger),
    Column("kept_bytes", BigInteger),
    Column("reason", LongText()),
    Column("worker", Label(255)),
    Column("attempts", Integer),
    Column("created_at", Moment(), nullable=False),
    Column("settled_at", Moment()),
    Column("expired", BigInteger),
    Column("forgotten", BigInteger),
    UniqueConstraint("object_id", "kind", "sequence", name="dcp_batches_object"),
    Index("dcp_batches_state", "pipeline", "state"),
    Index("dcp_batches_settled", "pipeline", "settled_at"),
)
"""`kept_bytes`: what the batch's rejects keep of their records. `settled_at`: when it was done, or died. `expired`: how
many of its `written` rows are in the table no more, by the spec's retention. `forgotten`: how many fewer of its rejects
are kept, than were."""

REJECTS = Table(
    "dcp_rejects",
    METADATA,
    Column("batch_id", ID, primary_key=True),
    Column("record", BigInteger, primary_key=True, autoincrement=False),
    Column("object_id", ID, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("code", WORD, nullable=False),
    Column("field", Label(64)),
    Column("reason", LongText(), nullable=False),
    Column("raw", Bytes()),
    Column("raw_bytes", BigInteger, nullable=False),
    Column("raw_digest", ID, nullable=False),
    Column("state", WORD, nullable=False),
    Column("replay_batch", ID),
    Index("dcp_rejects_object", "object_id", "record"),
    Index("dcp_rejects_code", "object_id", "state", "code"),
)

SPECS = Table(
    "dcp_specs",
    METADATA,
    Column("pipeline", KEY, primary_key=True),
    Column("revision", Ascii(127), primary_key=True),
    Column("document", Bytes(), nullable=False),
    Column("created_at", Moment(), nullable=False),
)

TASKS = Table(
    "dcp_tasks",
    METADATA,
    Column("number", Counter(), primary_key=True, autoincrement=True),
    Column("pipeline", KEY, nullable=False),
    Column("id", Label(255), nullable=False),
    Column("raw", Bytes(), nullable=False),
    Column("url", LongText()),
    Column("priority", BigInteger),
    Column("source", LongText()),
    Column("state", WORD, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("object_id", ID),
    Column("reason", LongText()),
    Column("created_at", Moment(), nullable=False),
    Column("updated_at", Moment(), nullable=False),
    UniqueConstraint("pipeline", "id", name="dcp_tasks_id"),
    Index("dcp_tasks_state", "pipeline", "state"),
)

TOTALS = Table(
    "dcp_totals",
    METADATA,
    Column("pipeline", KEY, primary_key=True),
    Column("source", WORD, primary_key=True),
    Column("state", WORD, primary_key=True),
    Column("objects", BigInteger, nullable=False),
    Column("batches", BigInteger, nullable=False),
    Column("read", BigInteger, nullable=False),
    Column("written", BigInteger, nullable=False),
    Column("duplicates", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("filtered", BigInteger, nullable=False),
    Column("remarked", BigInteger, nullable=False),
    Column("first_at", Moment()),
    Column("last_at", Moment()),
    Column("expired", BigInteger),
)
"""The books of the objects that are counted, by source and state. `remarked`: of how many something was said about
their labels. `first_at`, `last_at`: when their first and last records came."""

META = Table(
    "dcp_meta",
    METADATA,
    Column("name", Label(255), primary_key=True),
    Column("value", LongText(), nullable=False),
)
"""`schema`: the version of these tables. `table/NAME`: what the rows of a clean table are identified by.
`horizon/NAME`, `counted/NAME`: how far its rows have expired (expiring/mark.py)."""


def stored_header(header: tuple[str, ...] | None) -> str | None:
    """Labels as the ledger keeps them."""
    return None if header is None else msgspec.json.encode(list(header)).decode()


def header_from(stored: str | None) -> tuple[str, ...] | None:
    """The labels again."""
    return None if stored is None else tuple(msgspec.json.decode(stored, type=list[str]))
