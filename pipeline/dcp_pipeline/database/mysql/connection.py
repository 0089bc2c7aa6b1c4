"""A PyMySQL connection whose LOAD DATA LOCAL INFILE reads from memory, and from nowhere else, and that tells nobody its
password (logins.py).

In that protocol it is the server that names the file the client is to send. PyMySQL opens whatever is named; a
hostile or hijacked server could so read this machine's files. Here only the bytes that were offered for this one
statement are ever sent; any other name closes the connection.
"""

from __future__ import annotations

import re
import ssl
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pymysql
from pymysql.connections import MySQLResult
from pymysql.constants import CLIENT
from pymysql.protocol import LoadLocalPacketWrapper

from dcp_pipeline.database.errors import InfileRefused
from dcp_pipeline.database.mysql.logins import handler_for, safe_first

OFFERED_NAME = "dcp-rows"
"""The name in the statement. No file is opened by it."""
_PACKET_BYTES = 256 * 1024


if TYPE_CHECKING:
    _Connection = pymysql.Connection[Any]
else:
    _Connection = pymysql.Connection


class LoadResult(msgspec.Struct, frozen=True):
    """The server's account of a LOAD DATA."""

    records: int
    skipped: int
    warnings: int


class MemoryInfileConnection(_Connection):
    """A connection that can LOAD DATA from memory, by load_data only."""

    _offered: memoryview | None = None

    @property
    def offers_infile(self) -> bool:
        """Whether this session was opened so that load_data may be used."""
        return bool(self.client_flag & CLIENT.LOCAL_FILES)

    def _create_ssl_ctx(self, settings: Any) -> ssl.SSLContext:
        if settings:
            return cast(ssl.SSLContext, super()._create_ssl_ctx(settings))  # type: ignore[misc]
        # Without `tls` in the spec a connection is encrypted where the server can, and nobody's certificate is checked.
        # PyMySQL reads the system's authorities all the same: 40 ms and 1 MB for each connection.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def _get_server_information(self) -> None:
        super()._get_server_information()  # type: ignore[misc]
        self._auth_plugin_name: str = safe_first(self._auth_plugin_name)

    def _get_auth_plugin_handler(self, plugin_name: Any) -> Any:
        return handler_for(plugin_name, self)

    def load_data(self, statement: str, content: bytes) -> LoadResult:
        """Run a LOAD DATA LOCAL INFILE statement that names OFFERED_NAME, sending `content`.

        Raises pymysql.err.Error, or InfileRefused where the server asks for something else.
        """
        self._offered = memoryview(content)
        try:
            self.query(statement)
        finally:
            self._offered = None
        return _load_result(self._result)

    def _read_query_result(self, unbuffered: bool = False) -> int:
        result = _MemoryInfileResult(self)
        self._result = None
        if unbuffered:
            result.init_unbuffered_query()
        else:
            result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return int(result.affected_rows or 0)

    def take_offered(self, name: bytes) -> memoryview:
        """The bytes on offer, once.

        Raises InfileRefused, having closed the connection, where nothing is on offer under this name.
        """
        offered, self._offered = self._offered, None
        if offered is None or name != OFFERED_NAME.encode():
            self._force_close()  # type: ignore[attr-defined]
            raise InfileRefused(
                f"the database server at {self.host} asked for the local file {name[:200]!r}, which it was not "
                "offered; refused and disconnected. Check which server this is"
            )
        return offered


class _MemoryInfileResult(MySQLResult):
    def _read_load_local_packet(self, first_packet: Any) -> None:
        connection: Any = self.connection
        content = connection.take_offered(LoadLocalPacketWrapper(first_packet).filename)
        for start in range(0, len(content), _PACKET_BYTES):
            connection.write_packet(bytes(content[start : start + _PACKET_BYTES]))
        connection.write_packet(b"")
        self._read_ok_packet(connection._read_packet())  # type: ignore[attr-defined]


def _load_result(result: Any) -> LoadResult:
    """From `Records: 3  Deleted: 0  Skipped: 1  Warnings: 1`, in whatever language the server speaks."""
    numbers = [int(each) for each in re.findall(rb":\s*(\d+)", bytes(result.message or b""))]
    if len(numbers) != 4:
        raise pymysql.err.InternalError(0, f"no account of LOAD DATA: {result.message!r}")
    return LoadResult(records=numbers[0], skipped=numbers[2], warnings=numbers[3])
