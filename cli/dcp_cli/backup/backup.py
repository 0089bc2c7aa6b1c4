"""`dcp backup`: one snapshot of the database, while fetcher and workers go on."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Connection, text

from dcp_cli.backup.archive import Head, Page, Writer
from dcp_cli.backup.contents import note_families, notes_of, parts_of, table_ddl
from dcp_cli.errors import CommandFailed
from dcp_cli.look import ledger_of
from dcp_cli.options import print_json
from dcp_cli.shown.say import say
from dcp_cli.shown.summary import IN_JSON
from dcp_pipeline.database.rooms import dialect_of, name_of
from dcp_pipeline.database.transactions import Patience, Transactions
from dcp_pipeline.files.durable import put_in_place
from dcp_pipeline.ledger.changes import SCHEMA_VERSION
from dcp_pipeline.ledger.claims import is_moving
from dcp_pipeline.ledger.looking.overview import totals
from dcp_pipeline.process.exit_codes import DONE
from dcp_pipeline.setup import Setup

_ROWS_AT_ONCE = 2000
_ONCE = Patience(attempts=1, lost_attempts=1)


def back_up(setup: Setup, path: Path, output: str) -> int:
    """Write the backup to `path`, whole or not at all."""
    with ExitStack() as stack:
        ledger = ledger_of(setup, stack)
        transactions = Transactions(dialect_of(ledger.engine).snapshot(ledger.engine), _ONCE)
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "wb", dir=path.absolute().parent, prefix=f".{path.name}-", delete=False
        ) as made:
            part = Path(made.name)
            stack.callback(part.unlink, missing_ok=True)
            writer = Writer(made)  # type: ignore[arg-type]
            transactions.read(lambda connection: _written(setup, connection, writer))
            writer.seal()
            made.flush()
            put_in_place(part, path)
    told = {"file": str(path), "bytes": path.stat().st_size, "rows": writer.rows}
    if output == "json":
        print_json(told)
    else:
        rows = ", ".join(f"{count:,} {table}" for table, count in writer.rows.items())
        say(f"{path}: {path.stat().st_size:,} bytes; {rows}")
        say(f"next:    dcp restore SPEC {path} --check")
    return DONE


def _written(setup: Setup, connection: Connection, writer: Writer) -> None:
    pipeline, table = setup.pipeline.key, setup.pipeline.table
    if is_moving(connection, table):
        raise CommandFailed(
            f"table {table} is being moved by `dcp migrate`, and a backup of half a move could not be restored: "
            "take it once that has ended; where it was killed, run it again, or with --abandon"
        )
    found = totals(connection, pipeline)
    writer.write(
        Head(
            pipeline=pipeline,
            table=table,
            dialect=name_of(connection),
            schema=SCHEMA_VERSION,
            release=version("datacleaning-pipelines"),
            taken_at=datetime.now(UTC).isoformat(timespec="seconds"),
            table_ddl=table_ddl(connection, table),
            books={name: found.total(name) for name in (*IN_JSON, "pending")},
        )
    )
    families = {name: f"{beginning}%" for name, beginning in note_families(pipeline).items()}
    values = {"pipeline": pipeline, **notes_of(pipeline, table), **families}
    for part in list(parts_of(connection, table)):
        query = text(part.query)
        named = {name: value for name, value in values.items() if f":{name}" in part.query}
        result = connection.execute(query, named, execution_options={"yield_per": _ROWS_AT_ONCE})
        # SQLAlchemy takes the size of a part from yield_per for statements of its own, not for text.
        for rows in result.partitions(_ROWS_AT_ONCE):
            writer.write(Page(part.table, part.columns, [list(row) for row in rows]))
