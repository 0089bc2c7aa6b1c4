"""Moves a table of MySQL or MariaDB aside: a new one is filled batch by batch, compared, and takes its name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from sqlalchemy import Connection

from dcp_pipeline.database.errors import LedgerError
from dcp_worker.ground.order import ORDER_BYTES, RECORDS_PER_STEP, STEPS
from dcp_worker.sink.identity import id_bytes
from dcp_worker.sink.migrating.moving import Move, Way
from dcp_worker.sink.mysql.observe import observe_table
from dcp_worker.sink.shape import BATCH, ID, RECORD, ObservedTable

_BATCHES_TOGETHER = 8
_OURS = "moved by dcp migrate"
"""The comment of a table that a move made, and of the one that is moved."""
_LONGEST = 64 - len("_before")
_DEPENDENTS = """
    SELECT CONSTRAINT_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()
        AND (TABLE_NAME = %(table)s OR REFERENCED_TABLE_NAME = %(table)s)
    UNION ALL SELECT TRIGGER_NAME FROM information_schema.TRIGGERS
    WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = %(table)s"""
# As ground/order.py has them.
_ORDERS = {
    "datetime": "LEAST(GREATEST(TIMESTAMPDIFF(SECOND, '1970-01-01', {v}), 0), 4294967295)",
    "date": "DATEDIFF({v}, '1970-01-01') + 2147483648",
    "integer": "2147483648 + SIGN({v}) * (CAST({size} >> {shift} AS SIGNED) + 16777216 * {shift})",
}
_SIZE = "CAST(ABS(GREATEST(LEAST({v}, 9223372036854775807), -9223372036854775807)) AS SIGNED)"
_PLACE = "CONV(LEFT(b.object_id, 4), 16, 10) * {steps} + LEAST((t.{record} - 1) DIV {records}, {steps} - 1)"


def order_in_sql(kind: str, value: str) -> str:
    """SQL for what the identity of a row begins with."""
    size = _SIZE.format(v=value)
    shift = f"GREATEST(LENGTH(BIN({size})) - 25, 0)"
    return _as_bytes(_ORDERS[kind].format(v=value, size=size, shift=shift))


def _as_bytes(number: str) -> str:
    return f"UNHEX(LPAD(HEX(CAST(COALESCE({number}, 0) AS UNSIGNED)), 8, '0'))"


class Aside:
    """The way of MySQL and MariaDB."""

    def refusal(self, connection: Connection, move: Move) -> str | None:
        table = _observed(connection, move.table)
        if len(move.table) > _LONGEST:
            return f"its name has more than {_LONGEST} characters, so there is none to keep the old one by: rename it"
        for other in (f"{move.table}_moved", f"{move.table}_before"):
            if _comment(connection, other) is not None:
                return f"there is a table {other}, which a move needs the name of: rename or drop it"
        key = next((each for each in table.unique_keys if each.name == "PRIMARY"), None)
        if key is None or key.columns != (BATCH, RECORD):
            return "its primary key is not ours, so it has an owner"
        dependents = [str(row[0]) for row in connection.exec_driver_sql(_DEPENDENTS, {"table": move.table})]
        if dependents:
            return f"{', '.join(dependents)} would stay behind with the old table"
        return None

    def comment(self, connection: Connection, move: Move) -> str:
        return _comment(connection, move.table) or ""

    def begin(self, connection: Connection, move: Move) -> None:
        if self._swapped(connection, move):
            return
        # Waits until every transaction that wrote to it before the mark has ended.
        _say(connection, move.quoted, _OURS)
        there = _comment(connection, f"{move.table}_moved")
        if there is None:
            # The comment comes with it, and says from its first moment on that it is ours.
            connection.exec_driver_sql(f"CREATE TABLE {_new(move)} LIKE {move.quoted}")
        elif there != _OURS:
            raise LedgerError(
                f"table {move.table}_moved was made by somebody else meanwhile: rename it and run this again, or give "
                "the move up with --abandon, which leaves it"
            )
        connection.exec_driver_sql(f"ALTER TABLE {_new(move)} MODIFY `{ID}` BINARY({id_bytes(True)}) NOT NULL")

    def parts(self, connection: Connection, move: Move) -> Iterator[object]:
        if self._swapped(connection, move):
            return
        # By object and place: then the new index grows at its end.
        query = (
            "SELECT b.id FROM dcp_batches b JOIN dcp_objects o ON o.id = b.object_id WHERE b.written > 0 "
            "ORDER BY o.number, b.kind, b.sequence"
        )
        ids = [str(row[0]) for row in connection.exec_driver_sql(query)]
        for start in range(0, len(ids), _BATCHES_TOGETHER):
            yield ids[start : start + _BATCHES_TOGETHER]

    def carry(self, connection: Connection, move: Move, part: object) -> int:
        batches = cast(list[str], part)
        among = f"`{BATCH}` IN ({', '.join(_bytes(each) for each in batches)})"
        there = connection.exec_driver_sql(f"SELECT DISTINCT HEX(`{BATCH}`) FROM {_new(move)} WHERE {among}")  # noqa: S608
        done = {str(row[0]).lower() for row in there}
        left = [each for each in batches if each not in done]
        if not left:
            return 0
        columns = [f"`{each.name}`" for each in _observed(connection, move.table).columns if not each.generated]
        order = _order(move)
        values = [f"CONCAT({order}, t.`{ID}`)" if each == f"`{ID}`" else f"t.{each}" for each in columns]
        # A batch at a time is looked up by its key; joined the other way round the whole table would be read.
        return sum(
            connection.exec_driver_sql(
                f"INSERT INTO {_new(move)} ({', '.join(columns)}) SELECT {', '.join(values)} "  # noqa: S608
                f"FROM {move.quoted} t JOIN dcp_batches b ON b.id = '{each}' WHERE t.`{BATCH}` = {_bytes(each)} "
                f"ORDER BY t.`{RECORD}`"
            ).rowcount
            for each in left
        )

    def compare(self, connection: Connection, move: Move) -> None:
        if self._swapped(connection, move):
            return
        columns = [f"`{each.name}`" for each in _observed(connection, move.table).columns if each.name != ID]
        texts = ", ".join(f"QUOTE({each})" for each in (f"RIGHT(`{ID}`, 16)", *columns))
        query = f"SELECT COUNT(*), SUM(CRC32(CONCAT_WS('|', {texts}))) FROM "  # noqa: S608
        before, after = (connection.exec_driver_sql(query + table).one() for table in (move.quoted, _new(move)))
        if tuple(before) != tuple(after):
            raise LedgerError(
                f"table {move.table}: {before[0]} rows stand there and {after[0]} were moved, or others than these. "
                "Rows of batches that the ledger does not know cannot be: `dcp verify` names them. Nothing was "
                "replaced; --abandon goes back"
            )
        joined = f"JOIN dcp_batches b ON b.id = LOWER(HEX(t.`{BATCH}`))" if move.field is None else ""
        begins = f"LEFT(t.`{ID}`, {ORDER_BYTES}) <> {_order(move)}"
        query = f"SELECT COUNT(*) FROM {_new(move)} t {joined} WHERE {begins}"  # noqa: S608
        wrong = connection.exec_driver_sql(query).scalar_one()
        if wrong:
            raise LedgerError(
                f"table {move.table}: {wrong} identities do not begin with their order. Nothing was replaced; "
                "--abandon goes back"
            )

    def finish(self, connection: Connection, move: Move) -> str | None:
        if not self._swapped(connection, move):
            connection.exec_driver_sql(f"RENAME TABLE {move.quoted} TO {_before(move)}, {_new(move)} TO {move.quoted}")
        _say(connection, move.quoted, move.comment)
        return f"{move.table}_before"

    def undo(self, connection: Connection, move: Move) -> None:
        if self._swapped(connection, move):
            raise LedgerError(f"table {move.table} is moved already: run `dcp migrate` once more, and it is finished")
        if _comment(connection, f"{move.table}_moved") == _OURS:
            connection.exec_driver_sql(f"DROP TABLE {_new(move)}")
        _say(connection, move.quoted, move.comment)

    def _swapped(self, connection: Connection, move: Move) -> bool:
        own = _observed(connection, move.table).column(ID)
        return own is not None and own.max_bytes == id_bytes(True)


WAY: Way = Aside()


def _observed(connection: Connection, table: str) -> ObservedTable:
    observed = observe_table(connection, table)
    if observed is None:
        raise LedgerError(f"table {table} is not there")
    return observed


def _comment(connection: Connection, table: str) -> str | None:
    """None where there is no such table."""
    query = "SELECT TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %(t)s"
    found = connection.exec_driver_sql(query, {"t": table}).scalar()
    return None if found is None else str(found)


def _say(connection: Connection, quoted: str, comment: str) -> None:
    connection.exec_driver_sql(f"ALTER TABLE {quoted} COMMENT = %(c)s", {"c": comment})


def _order(move: Move) -> str:
    if move.field is not None:
        return order_in_sql(move.kind, f"t.`{move.field}`")
    return _as_bytes(_PLACE.format(steps=STEPS, record=RECORD, records=RECORDS_PER_STEP))


def _new(move: Move) -> str:
    return f"`{move.table}_moved`"


def _before(move: Move) -> str:
    return f"`{move.table}_before`"


def _bytes(batch_id: str) -> str:
    return f"x'{bytes.fromhex(batch_id).hex()}'"
