"""A clean table of MySQL or MariaDB, with what the ways to insert must know of the server."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from dcp_worker.sink.shape import CleanTable


class ServerTable(CleanTable, frozen=True):
    """A table that was found fit to write to."""

    max_packet_bytes: int = 1 << 24
    local_infile: bool = False


def on_server(connection: Connection, table: CleanTable) -> ServerTable:
    """The table, with what its server allows."""
    facts = connection.execute(text("SELECT @@max_allowed_packet, @@GLOBAL.local_infile")).one()
    driver: Any = connection.connection.driver_connection
    allowed = bool(int(facts[1])) and driver.offers_infile
    keys = table.identity_keys, table.twin_keys
    return ServerTable(table.name, table.quoted, *keys, table.ordered, table.ordered_by, int(facts[0]), allowed)
