"""What only a server of MySQL or MariaDB is asked: rights by their names, LOAD DATA, connections, its version."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, inspect

from dcp_cli.findings.finding import Findings, ok, warning, wrong
from dcp_cli.findings.limits import connections
from dcp_cli.findings.rights import EXPIRING, MAKING, ROWS, SEEING, Rights, missing_rights, rights_of
from dcp_pipeline.ledger.tables import METADATA
from dcp_pipeline.setup import Setup

_OLDEST = {"MariaDB": (10, 6), "MySQL": (8, 0)}
_LEAST_PACKET_BYTES = 16 << 20
_SETTINGS = "SELECT @@version, @@GLOBAL.local_infile, @@max_connections, @@max_allowed_packet"


def settings(setup: Setup, connection: Connection) -> Findings:
    """Version, LOAD DATA, packets, connections."""
    version, infile, most, packet = connection.exec_driver_sql(_SETTINGS).one()
    yield from _version(str(version))
    if infile:
        yield ok("sink.local_infile", "on: rows go in by LOAD DATA")
    else:
        mend = "SET GLOBAL local_infile = ON, and local_infile=ON in the server's configuration"
        yield warning("sink.local_infile", "off: rows go in by INSERT, which costs both sides more", mend)
    if int(packet) < _LEAST_PACKET_BYTES:
        says = f"max_allowed_packet is {int(packet) >> 10:,} KiB: long records and rejects are refused above it"
        yield warning("sink.packets", says, f"SET GLOBAL max_allowed_packet = {_LEAST_PACKET_BYTES}")
    spec = setup.pipeline.spec
    used = int(connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Threads_connected'").one()[1])
    # One of them is ours.
    yield connections(int(most), used - 1, spec.worker.concurrency, max(1, spec.scaling.max_replicas))


def _version(version: str) -> Findings:
    name = "MariaDB" if "MariaDB" in version else "MySQL"
    numbers = tuple(int(each) for each in re.findall(r"\d+", version)[:2])
    oldest = ".".join(map(str, _OLDEST[name]))
    if numbers < _OLDEST[name]:
        yield wrong("sink.version", f"{name} {version} is too old", f"{name} {oldest} or newer is needed")
    else:
        yield ok("sink.version", f"{name} {version}")


def rights(setup: Setup, connection: Connection) -> Findings:
    """Those that are missing, by name."""
    database = str(connection.engine.url.database)
    user = str(connection.exec_driver_sql("SELECT CURRENT_USER()").scalar())
    has = rights_of(_grants(connection), database)
    ledger = [each.name for each in METADATA.sorted_tables]
    tables = [*ledger, setup.pipeline.table]
    stand = inspect(connection).get_table_names()
    whole = set(tables) <= set(stand)
    needed = missing_rights(has, tables, (*ROWS, *(() if whole else MAKING)))
    if needed:
        yield wrong("sink.rights", _said(user, database, needed), _grant(user, database, list(needed)))
    else:
        yield ok("sink.rights", f"{user} has {', '.join(ROWS if whole else (*ROWS, *MAKING))} on {database}")
    yield from _later(has, tables, user, database, whole)
    retention = setup.pipeline.retention
    if retention and retention.keep and (slow := missing_rights(has, tables[-1:], EXPIRING)):
        says = f"{_said(user, database, slow)}: rows that expire are deleted by batches, and not with their partition"
        yield warning("sink.rights", says, _grant(user, database, list(slow)))


def _later(has: Rights, tables: list[str], user: str, database: str, whole: bool) -> Findings:
    upgrade = missing_rights(has, tables, MAKING) if whole else {}
    if upgrade:
        says = f"{_said(user, database, upgrade)}: not needed now, but by the next release that adds to the tables"
        yield warning("sink.rights", says, _grant(user, database, list(upgrade)))
    if unseen := missing_rights(has, tables[-1:], SEEING):
        says = f"{_said(user, database, unseen)}: triggers on a table of yours are not seen"
        yield warning("sink.rights", says, _grant(user, database, list(unseen)))


def _said(user: str, database: str, missing: dict[str, list[str]]) -> str:
    words = [right + (f" on {', '.join(tables)}" if tables else "") for right, tables in missing.items()]
    return f"{user} lacks {', '.join(words)} in {database}"


def _grant(user: str, database: str, rights: list[str]) -> str:
    name, _, host = user.rpartition("@")
    return f"GRANT {', '.join(rights)} ON `{database}`.* TO '{name}'@'{host}';"


def _grants(connection: Connection) -> list[str]:
    """What the user may do, the roles that are on included: MySQL shows those only when it is asked for them."""
    lines = _lines(connection, "SHOW GRANTS")
    role = connection.exec_driver_sql("SELECT CURRENT_ROLE()").scalar()
    if role is not None and str(role).upper() != "NONE":
        # MariaDB: one name; MySQL: `role`@`host`, ..., which stand so in USING.
        asked = "SHOW GRANTS FOR CURRENT_USER() USING " + str(role) if "@" in str(role) else f"SHOW GRANTS FOR `{role}`"
        lines += _lines(connection, asked)
    return lines


def _lines(connection: Connection, query: str) -> list[str]:
    rows: Any = connection.exec_driver_sql(query)
    return [str(row[0]) for row in rows]
