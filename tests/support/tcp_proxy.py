"""A TCP proxy on loopback that does to connections what networks do: how networks fail in tests.

with tcp_proxy("127.0.0.1", server.port) as proxy:
    proxy.cut_after(b"COMMIT")     # passes these bytes on to the server, and then cuts before any answer
    ... connect to proxy.port ...
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PIECE = 1 << 16


class TcpProxy:
    """Forwards bytes both ways. `cuts` counts how often a connection was cut on purpose."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        """Where new connections go; may be changed."""
        self.delay_seconds = 0.0
        """How long each piece of bytes is kept before it is passed on."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._needle: bytes | None = None
        self._deliver = True
        self._refusing = False
        self._left: int | None = None
        self._passing = threading.Event()
        self._passing.set()
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

    def cut_in(self, size: int) -> None:
        """Let `size` bytes more pass, in whatever direction and connection, and cut behind them. Once."""
        with self._lock:
            self._left = size

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

    def hold(self, holding: bool = True) -> None:
        """Let nothing pass while connections stay open, or pass on again."""
        if holding:
            self._passing.clear()
        else:
            self._passing.set()

    def heal(self) -> None:
        """Do nothing more to anybody."""
        with self._lock:
            self._needle = self._left = None
        self.delay_seconds, self._refusing = 0.0, False
        self.hold(False)

    def close(self) -> None:
        _close(self._listener)
        self.heal()
        self.cut_all()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._refusing:
                _close(client)
                continue
            try:
                server = socket.create_connection(self.target, timeout=5)
            except OSError:
                _close(client)
                continue
            server.settimeout(None)
            with self._lock:
                self._open = [each for each in self._open if each.fileno() >= 0] + [client, server]
            answers = threading.Event()
            threading.Thread(target=self._upstream, args=(client, server, answers), daemon=True).start()
            threading.Thread(target=self._downstream, args=(client, server, answers), daemon=True).start()

    def _upstream(self, client: socket.socket, server: socket.socket, muted: threading.Event) -> None:
        with suppress(OSError):
            while sent := client.recv(_PIECE):
                self._keep_waiting()
                with self._lock:
                    hit = self._needle is not None and self._needle in sent
                    deliver, self._needle = self._deliver, None if hit else self._needle
                if not hit:
                    if not self._pass_on(sent, server):
                        break
                    continue
                muted.set()
                self.cuts += 1
                if deliver:
                    server.sendall(sent)
                    server.recv(_PIECE)
                break
        _close(client)
        _close(server)

    def _downstream(self, client: socket.socket, server: socket.socket, muted: threading.Event) -> None:
        with suppress(OSError):
            while True:
                # Peeked, so that the answer that is to be lost is still there for whoever waits for it.
                ended = not server.recv(1, socket.MSG_PEEK)
                if muted.is_set():
                    return
                if ended:  # the server has died: whoever waits for its answer learns it
                    break
                answer = server.recv(_PIECE)
                self._keep_waiting()
                if not self._pass_on(answer, client):
                    _close(server)
                    break
        _close(client)

    def _keep_waiting(self) -> None:
        if self.delay_seconds:
            time.sleep(self.delay_seconds)
        self._passing.wait()

    def _pass_on(self, data: bytes, to: socket.socket) -> bool:
        """False where the connection is to end behind what was sent."""
        with self._lock:
            whole = self._left is None or len(data) <= self._left
            sent = data if whole else data[: self._left]
            if self._left is not None:
                self._left = self._left - len(data) if whole else None
        to.sendall(sent)
        if not whole:
            self.cuts += 1
        return whole


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
