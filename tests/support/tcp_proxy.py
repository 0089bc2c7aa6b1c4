"""A TCP proxy on loopback that can cut its connections at a chosen moment: how networks fail in tests.

with tcp_proxy("127.0.0.1", server.port) as proxy:
    proxy.cut_after(b"COMMIT")     # passes these bytes on to the server, and then cuts before any answer
    ... connect to proxy.port ...
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class TcpProxy:
    """Forwards bytes both ways. `cuts` counts how often a connection was cut on purpose."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._needle: bytes | None = None
        self._deliver = True
        self._refusing = False
        self.cuts = 0
        threading.Thread(target=self._accept, name="tcp-proxy", daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def cut_after(self, needle: bytes) -> None:
        """When a client sends a packet with `needle`: deliver it, then cut before the server's answer. Once."""
        with self._lock:
            self._needle, self._deliver = needle, True

    def cut_before(self, needle: bytes) -> None:
        """When a client sends a packet with `needle`: cut, and never deliver it. Once."""
        with self._lock:
            self._needle, self._deliver = needle, False

    def cut_all(self) -> None:
        """Cut every connection now."""
        with self._lock:
            cut, self._open = self._open, []
        self.cuts += len(cut) // 2
        for each in cut:
            _close(each)

    def refuse(self, refusing: bool = True) -> None:
        """Close new connections at once, or no longer."""
        self._refusing = refusing

    def close(self) -> None:
        _close(self._listener)
        self.cut_all()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                if self._refusing:
                    _close(client)
                    continue
                server = socket.create_connection(self._target)
            except OSError:
                return
            with self._lock:
                self._open += [client, server]
            answers = threading.Event()
            threading.Thread(target=self._upstream, args=(client, server, answers), daemon=True).start()
            threading.Thread(target=self._downstream, args=(client, server, answers), daemon=True).start()

    def _upstream(self, client: socket.socket, server: socket.socket, muted: threading.Event) -> None:
        with suppress(OSError):
            while sent := client.recv(1 << 16):
                with self._lock:
                    hit = self._needle is not None and self._needle in sent
                    deliver, self._needle = self._deliver, None if hit else self._needle
                if not hit:
                    server.sendall(sent)
                    continue
                muted.set()
                self.cuts += 1
                if deliver:
                    server.sendall(sent)
                    server.recv(1 << 16)
                break
        _close(client)
        _close(server)

    def _downstream(self, client: socket.socket, server: socket.socket, muted: threading.Event) -> None:
        with suppress(OSError):
            while True:
                # Peeked, so that the answer that is to be lost is still there for whoever waits for it.
                if not server.recv(1, socket.MSG_PEEK) or muted.is_set():
                    return
                answer = server.recv(1 << 16)
                client.sendall(answer)
        _close(client)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextmanager
def tcp_proxy(host: str, port: int) -> Iterator[TcpProxy]:
    """A proxy to host:port, closed at the end."""
    proxy = TcpProxy(host, port)
    try:
        yield proxy
    finally:
        proxy.close()
