"""What a backup may do to a database, whoever wrote it: make its one table, and fill that and a pipeline's own entries.

Its seal shows that it is whole, not who sealed it. So nothing of it is run or written that a backup of this pipeline
would not hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, Table, bindparam, select

from dcp_cli.backup.archive import Head, Page
from dcp_cli.errors import CommandFailed
from dcp_pipeline.ledger.tables import BATCHES, METADATA, OBJECTS

_QUOTED = re.compile(r"'(?:[^'\\]|''|\\.)*'|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`|\[[^\]]*\]")
_ELSEWHERE = re.compile(
    r"(?i)\b(?:SELECT|UNION|CONNECTION|DIRECTORY|ENGINE\s*=?\s*(?:FEDERATEDX?|CONNECT|SPIDER|S3|CSV))\b|;\s*\S"
)
"""A table whose rows are another's, or lie in another place."""
_HANG_ON: Mapping[str, tuple[tuple[str, Table], ...]] = {
    "dcp_batches": (("id", BATCHES), ("object_id", OBJECTS)),
    "dcp_rejects": (("object_id", OBJECTS), ("batch_id", BATCHES), ("replay_batch", BATCHES)),
    "dcp_tasks": (("object_id", OBJECTS),),
}
_ROWS_HANG_ON = (("_dcp_batch", BATCHES),)
_ASKED_AT_ONCE = 500


def _chunks(texts: Sequence[str]) -> Iterable[Sequence[str]]:
    return (texts[start : start + _ASKED_AT_ONCE] for start in range(0, len(texts), _ASKED_AT_ONCE))


def check_statement(statement: str, head: Head) -> None:
    """Raises CommandFailed for one that makes anything else than the backup's own table and its indexes."""
    name = rf"(?:[`\"\[]?{re.escape(head.table)}[`\"\]]?)"
    table = re.match(rf"(?is)\s*CREATE\s+TABLE\s+{name}\s*\(", statement)
    index = re.match(rf"(?is)\s*CREATE\s+(?:UNIQUE\s+)?INDEX\s+\S+\s+ON\s+{name}\s*\(", statement)
    if not (table or index) or _ELSEWHERE.search(_QUOTED.sub("''", statement)):
        raise CommandFailed(
            f"the backup wants to run something else than to make the table {head.table}: {statement[:120]!r}. If you "
            "know where it comes from, make the table yourself, then restore"
        )


def check_page(page: Page, head: Head, meta: Iterable[str], families: tuple[str, ...] = ()) -> None:
    """Raises CommandFailed for rows that are none of the backup's pipeline. `meta`: the notes that it may bring;
    `families`: what those begin with of which there are several."""
    if page.table not in METADATA.tables and page.table != head.table:
        raise CommandFailed(f"the backup holds rows of the table {page.table!r}, which is none of {head.pipeline}'s")
    wanted = METADATA.tables.get(page.table)
    if wanted is not None and (strange := set(page.columns) - {each.name for each in wanted.columns}):
        raise CommandFailed(
            f"the backup holds columns of {page.table} that are none: {', '.join(sorted(strange))[:200]}"
        )
    if wanted is not None and "pipeline" in page.columns:
        _check_values(page, "pipeline", {head.pipeline})
    if page.table == "dcp_meta":
        _check_values(page, "name", set(meta), families)


def check_references(connection: Connection, page: Page, head: Head) -> None:
    """Raises CommandFailed for rows that hang on another pipeline's objects or batches."""
    for column, table in _HANG_ON.get(page.table, _ROWS_HANG_ON if page.table == head.table else ()):
        if column not in page.columns:
            continue
        at = page.columns.index(column)
        named = {_hexadecimal(row[at]) for row in page.rows if at < len(row)} - {None}
        query = select(table.c.id).where(
            table.c.id.in_(bindparam("ids", expanding=True)), table.c.pipeline != head.pipeline
        )
        for some in _chunks(sorted(map(str, named))):
            if found := connection.execute(query, {"ids": some}).scalar():
                whose = f"whose {column} is another pipeline's: {str(found)[:80]!r}"
                raise CommandFailed(f"the backup holds an entry of {page.table} {whose}")


def _hexadecimal(value: object) -> str | None:
    return value.hex() if isinstance(value, bytes) else None if value is None else str(value)


def _check_values(page: Page, column: str, allowed: set[str], beginnings: tuple[str, ...] = ()) -> None:
    at = page.columns.index(column) if column in page.columns else None
    for row in page.rows:
        found = row[at] if at is not None and at < len(row) else None
        if found not in allowed and not (beginnings and str(found).startswith(beginnings)):
            raise CommandFailed(
                f"the backup holds an entry of {page.table} whose {column} is {str(found)[:80]!r}, and may bring only "
                f"{', '.join(sorted(allowed))}"
            )
