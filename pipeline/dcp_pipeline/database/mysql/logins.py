"""Ways of logging in, and which a server may choose: who asks for the password itself has to show who it is.

A server chooses how its client logs in. A hijacked one asks for `mysql_clear_password`, or says that it has the hash of
`caching_sha2_password` not at hand, and is given the password, encrypted at most with a key of its own. Challenges and
responses (mysql_native_password, client_ed25519, the fast way of caching_sha2_password) never show it.
"""

from __future__ import annotations

import ssl
from typing import Any

from pymysql import _auth
from pymysql.constants import CR
from pymysql.err import OperationalError

ASK_FOR_IT = ("mysql_clear_password", "dialog", "sha256_password", "mysql_old_password")
"""Plugins by which the password itself is sent, or so that it can be had from what is sent."""
_FULL = b"\x04"


def is_verified(connection: Any) -> bool:
    """Is it a connection by TLS with a server whose certificate was verified?"""
    context = getattr(connection, "ctx", None)
    return bool(connection._secure and context is not None and context.verify_mode is ssl.CERT_REQUIRED)


def safe_first(plugin: str) -> str:
    """The plugin to begin with where the server's own is `plugin`: with one the password would go out at once."""
    return "mysql_native_password" if plugin in ASK_FOR_IT else plugin


def handler_for(plugin: bytes | str, connection: Any) -> Any:
    """Who answers for a plugin in PyMySQL's place; None where PyMySQL may."""
    name = plugin.decode("ascii", "replace") if isinstance(plugin, bytes) else plugin
    if not connection.password or is_verified(connection):
        return None
    if name in ASK_FOR_IT:
        return Refusing(connection, name)
    return FastOnly(connection, name) if name == "caching_sha2_password" else None


class Refusing:
    """Gives no password."""

    _besides = ""

    def __init__(self, connection: Any, plugin: str) -> None:
        self._connection, self._plugin = connection, plugin

    def authenticate(self, packet: Any) -> Any:
        """Raises OperationalError."""
        raise OperationalError(
            CR.CR_AUTH_PLUGIN_ERR,
            f"the server at {self._connection.host} asks for the password itself ({self._plugin}), which is given "
            "only to a server whose certificate was verified: set sink.sql.tls.ca, or let the user log in otherwise "
            f"(mysql_native_password, ed25519){self._besides}",
        )


class FastOnly(Refusing):
    """caching_sha2_password as long as the server has the password's hash at hand."""

    _besides = ". MySQL 8 asks so where the user or the password is wrong, too, and at a user's first login"

    def authenticate(self, packet: Any) -> Any:
        """The server's last packet. Raises OperationalError where it wants the password."""
        connection = self._connection
        if packet.is_auth_switch_request():
            connection.salt = packet.read_all().removesuffix(b"\0")
            connection.write_packet(_auth.scramble_caching_sha2(connection.password, connection.salt))
            packet = connection._read_packet()
            packet.check_error()
        if packet.is_extra_auth_data() and packet.get_all_data()[1:2] == _FULL:
            return super().authenticate(packet)
        return _auth.caching_sha2_password_auth(connection, packet)
