"""A server that asks for the password itself gets it only where its certificate was verified."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pymysql
import pytest
import trustme

from dcp_pipeline.database.mysql.connection import MemoryInfileConnection
from support.mysql_server import shared_mysql

PASSWORD = "s3cret-word"
SSL = 0x800
FLAGS = 0x0089A20D  # protocol 4.1, secure connection, plugin auth
SALT = b"12345678" + b"123456789012"


def packet(number: int, payload: bytes) -> bytes:
    return struct.pack("<I", len(payload))[:3] + bytes([number]) + payload


def greeting(plugin: str, tls: bool) -> bytes:
    flags = FLAGS | (SSL if tls else 0)
    said = b"\x0a8.0.30\x00" + struct.pack("<I", 1) + SALT[:8] + b"\x00" + struct.pack("<H", flags & 0xFFFF)
    said += b"\x2d\x02\x00" + struct.pack("<H", flags >> 16) + b"\x15" + b"\x00" * 10 + SALT[8:] + b"\x00"
    return said + plugin.encode() + b"\x00"


@contextmanager
def rogue(first: str, asks: list[bytes], authority: trustme.CA | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """A server whose own plugin is `first`, and that then says `asks`; what it was told."""
    told: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _ = listener.accept()
        with closing(client):
            client.sendall(packet(0, greeting(first, authority is not None)))
            number = 1
            if authority is not None:
                client.recv(36)
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                authority.issue_cert("127.0.0.1").configure_cert(context)
                client = context.wrap_socket(client, server_side=True)
                number = 2
            for ask in asks:
                told.append(client.recv(65536))
                client.sendall(packet(number + 1, ask))
                number += 2
            told.append(client.recv(65536))

    def run() -> None:
        try:
            serve()
        except OSError as error:
            told.append(str(error).encode())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], told
    finally:
        thread.join(10)
        listener.close()


def switch(plugin: str) -> bytes:
    return b"\xfe" + plugin.encode() + b"\x00" + SALT + b"\x00"


FULL = b"\x01\x04"
WAYS = {
    "clear": ("mysql_native_password", [switch("mysql_clear_password")]),
    "dialog": ("mysql_native_password", [b"\xfedialog\x00\x02Password: "]),
    "sha256": ("mysql_native_password", [switch("sha256_password")]),
    "sha256 from the first": ("sha256_password", [switch("sha256_password")]),
    "old": ("mysql_native_password", [switch("mysql_old_password")]),
    "caching_sha2 from the first": ("caching_sha2_password", [FULL, b"\x01key"]),
    "caching_sha2": ("mysql_native_password", [switch("caching_sha2_password"), FULL, b"\x01key"]),
}


def connect(port: int, **how: Any) -> None:
    MemoryInfileConnection(
        host="127.0.0.1", port=port, user="dcp", password=PASSWORD, connect_timeout=20, **how
    ).close()


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("way", list(WAYS))
def test_an_unverified_server_is_not_told_the_password(way: str, encrypted: bool) -> None:
    with rogue(*WAYS[way], trustme.CA() if encrypted else None) as (port, told):
        with pytest.raises(
            pymysql.err.OperationalError, match=r"asks for the password itself .* sink.sql.tls.ca"
        ) as error:
            connect(port)
        assert PASSWORD not in str(error.value)
    assert told
    assert PASSWORD.encode() not in b"".join(told)
    assert b"\x02" not in told[1:]  # which asks for a key to encrypt the password with


def test_a_verified_server_is() -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    served = rogue("mysql_native_password", [switch("mysql_clear_password")], authority)
    with served as (port, told), pytest.raises(pymysql.err.Error):
        connect(port, ssl=context)
    assert PASSWORD.encode() in b"".join(told)


def test_mysql_8_is_logged_in_to_while_it_has_the_hash_at_hand_and_says_what_to_set_otherwise() -> None:
    server = shared_mysql()
    admin = pymysql.connect(host=server.host, port=server.port, user=server.user, password=server.password)
    with closing(admin), admin.cursor() as cursor:
        cursor.execute("CREATE USER once IDENTIFIED WITH caching_sha2_password BY 's3cret-word'")

    def log_in() -> None:
        MemoryInfileConnection(host=server.host, port=server.port, user="once", password=PASSWORD).close()

    with pytest.raises(pymysql.err.OperationalError, match="caching_sha2_password"):
        log_in()
    pymysql.connect(host=server.host, port=server.port, user="once", password=PASSWORD).close()
    log_in()
