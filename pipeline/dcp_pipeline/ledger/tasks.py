"""Tasks of the inbox and the revisions of the spec. Each function works inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from dcp_pipeline.database.columns import utc_now
from dcp_pipeline.database.errors import LedgerWentBack
from dcp_pipeline.ledger.model import Task, TaskState
from dcp_pipeline.ledger.tables import REASON_CHARS, SPECS, TASKS
from dcp_pipeline.texts import storable

MAX_TASK_ID_CHARS = 255


def register_task(connection: Connection, pipeline: str, wanted: dict[str, Any]) -> bool:
    """Record an open task; False where its id is recorded already.

    Raises ValueError where the id is empty or too long.
    """
    identifier = wanted["id"]
    if not identifier or len(identifier) > MAX_TASK_ID_CHARS:
        raise ValueError(f"a task's id has 1 to {MAX_TASK_ID_CHARS} characters, not {len(identifier)}")
    if task(connection, pipeline, identifier) is not None:
        return False
    values = wanted | {"pipeline": pipeline, "state": TaskState.OPEN.value, "attempts": 0}
    connection.execute(insert(TASKS).values(**values, created_at=utc_now(), updated_at=utc_now()))
    return True


def task(connection: Connection, pipeline: str, task_id: str) -> Task | None:
    """One task."""
    query = select(TASKS).where(TASKS.c.pipeline == pipeline, TASKS.c.id == task_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _task(row)


def known_tasks(connection: Connection, pipeline: str, task_ids: Sequence[str]) -> frozenset[str]:
    """Which of these tasks are recorded."""
    query = select(TASKS.c.id).where(TASKS.c.pipeline == pipeline, TASKS.c.id.in_(task_ids))
    return frozenset(connection.execute(query).scalars())


def open_tasks(connection: Connection, pipeline: str) -> list[Task]:
    """The tasks that are not finished, in the order in which they came."""
    query = select(TASKS).where(TASKS.c.pipeline == pipeline, TASKS.c.state == TaskState.OPEN.value)
    return [_task(row) for row in connection.execute(query.order_by(TASKS.c.number))]


def update_task(connection: Connection, pipeline: str, task_id: str, changes: dict[str, Any]) -> None:
    """Set columns of a task.

    Raises LedgerWentBack where there is no such task.
    """
    stored = dict(changes)
    if stored.get("state") is not None:
        stored["state"] = TaskState(stored["state"]).value
    if stored.get("reason") is not None:
        stored["reason"] = storable(stored["reason"])[:REASON_CHARS]
    statement = update(TASKS).where(TASKS.c.pipeline == pipeline, TASKS.c.id == task_id)
    if connection.execute(statement.values(**stored, updated_at=utc_now())).rowcount != 1:
        raise LedgerWentBack(f"the ledger of {pipeline} knows no task {task_id}")


def purge_tasks(connection: Connection, pipeline: str, older_than_seconds: float) -> int:
    """Forget tasks that were finished so long ago; how many."""
    statement = delete(TASKS).where(
        TASKS.c.pipeline == pipeline,
        TASKS.c.state != TaskState.OPEN.value,
        TASKS.c.updated_at < seconds_ago(connection, older_than_seconds),
    )
    return connection.execute(statement).rowcount


def save_spec(connection: Connection, pipeline: str, revision: str, document: bytes) -> None:
    """Keep a revision's document; a revision is the digest of its document, so a kept one stays."""
    if spec(connection, pipeline, revision) is None:
        values = {"pipeline": pipeline, "revision": revision, "document": document}
        connection.execute(insert(SPECS).values(**values, created_at=utc_now()))


def spec(connection: Connection, pipeline: str, revision: str) -> bytes | None:
    """The document of a revision."""
    query = select(SPECS.c.document).where(SPECS.c.pipeline == pipeline, SPECS.c.revision == revision)
    document = connection.execute(query).scalar()
    return None if document is None else bytes(document)


def seconds_ago(connection: Connection, seconds: float) -> datetime:
    """A time of the database's clock."""
    now: datetime = connection.execute(select(utc_now())).scalar_one()
    return now - timedelta(seconds=seconds)


def _task(row: Row[Any]) -> Task:
    return Task(
        id=row.id,
        raw=bytes(row.raw),
        url=row.url,
        priority=row.priority,
        source=row.source,
        state=TaskState(row.state),
        attempts=row.attempts,
        object_id=row.object_id,
        reason=row.reason,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
