"""What a server says that another one is to be asked, or the same one later: it counts as away, and is asked again."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from redis.backoff import NoBackoff

from dcp_pipeline.queue import UNREACHABLE, Inbox, connect
from dcp_pipeline.queue.connection import Login, refuses
from dcp_pipeline.queue.followed import ByCluster
from dcp_pipeline.redis_url import Node


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dcp_pipeline.queue.connection.FullJitterBackoff", lambda **_: NoBackoff())


@contextmanager
def server(replies: dict[bytes, bytes], otherwise: bytes = b"+OK\r\n") -> Iterator[int]:
    """Answers each command by its name; its port."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while head := self.rfile.readline():
                words = []
                for _ in range(int(head[1:])):
                    size = int(self.rfile.readline()[1:])
                    words.append(self.rfile.read(size + 2)[:-2])
                self.wfile.write(replies.get(words[0].upper(), otherwise))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield running.server_address[1]
        finally:
            running.shutdown()


HELLO = {b"HELLO": b"%1\r\n$5\r\nproto\r\n:3\r\n", b"EXISTS": b":0\r\n", b"ROLE": b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"}


def length_at(url: str, **options: object) -> int:
    """Of an inbox."""
    return Inbox(connect(url, key="{x}:never", **options), "x").length()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "why"),
    [
        ("ASK 1 127.0.0.1:1", "moving the queue's slot"),
        ("TRYAGAIN Multiple keys request during rehashing of slot", "moving the queue's slot"),
        ("CLUSTERDOWN Hash slot not served", "Cluster is down"),
        ("READONLY You can't write against a read only replica.", "is a replica now"),
        ("NOREPLICAS Not enough good replicas to write.", "NOREPLICAS"),
        ("UNBLOCKED force unblock from blocking operation, instance state changed", "UNBLOCKED"),
        ("MASTERDOWN Link with MASTER is down", "down"),
        ("ERR Error running script: READONLY You can't write", "READONLY"),
    ],
)
def test_what_will_pass_counts_as_away(error: str, why: str) -> None:
    with server(HELLO | {b"LLEN": f"-{error}\r\n".encode()}) as port, pytest.raises(UNREACHABLE, match=why) as caught:
        length_at(f"redis+cluster://127.0.0.1:{port}")
    assert not refuses(caught.value)


@pytest.mark.parametrize("error", ["ERR unknown command", "WRONGPASS no", "OOM command not allowed"])
def test_what_will_not_pass_is_said_at_once(error: str) -> None:
    with server(HELLO | {b"LLEN": f"-{error}\r\n".encode()}) as port, pytest.raises(redis.RedisError) as caught:
        length_at(f"redis+cluster://127.0.0.1:{port}")
    assert not isinstance(caught.value, UNREACHABLE) or refuses(caught.value)


def test_a_moved_is_followed_and_a_dead_server_passed_over() -> None:
    with server(HELLO | {b"LLEN": b":7\r\n"}) as there:
        moved = f"-MOVED 1 127.0.0.1:{there}\r\n".encode()
        with server(HELLO | {b"EXISTS": moved}) as first:
            assert length_at(f"redis+cluster://127.0.0.1:1,127.0.0.1:{first}") == 7


@pytest.mark.parametrize("to", ["127.0.0.1:99999999", "127.0.0.1:0", "127.0.0.1:-1", "127.0.0.1", "", ":"])
@pytest.mark.parametrize("asked", [b"EXISTS", b"LLEN"])
def test_a_moved_to_what_is_no_address_counts_as_away(to: str, asked: bytes) -> None:
    with (
        server(HELLO | {b"LLEN": b":7\r\n"} | {asked: f"-MOVED 1 {to}\r\n".encode()}) as port,
        pytest.raises(UNREACHABLE),
    ):
        length_at(f"redis+cluster://127.0.0.1:{port}")


ADDRESS = "*2\r\n$9\r\n127.0.0.1\r\n${}\r\n{}\r\n"


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (b"*-1\r\n", "knows no master 'm'"),
        (b"_\r\n", "knows no master 'm'"),
        (b":1\r\n", "no Sentinel says"),
        (b"*1\r\n$1\r\nx\r\n", "no Sentinel says"),
        (b"*2\r\n$1\r\nx\r\n$4\r\nport\r\n", "no Sentinel says"),
        (b"*2\r\n$1\r\n\xff\r\n$1\r\n1\r\n", "no Sentinel says"),
        (b"-ERR no\r\n", "no Sentinel says"),
        (b"*2\r\n*0\r\n$1\r\n1\r\n", "no Sentinel says"),
        (b"*2\r\n$1\r\nx\r\n$8\r\n99999999\r\n", "no Sentinel says"),
        (b"*2\r\n$0\r\n\r\n$1\r\n1\r\n", "no Sentinel says"),
    ],
)
def test_a_sentinel_that_knows_nothing_is_passed_over(says: bytes, why: str) -> None:
    with server(HELLO | {b"LLEN": b":7\r\n"}) as primary:
        good = ADDRESS.format(len(str(primary)), primary).encode()
        with server(HELLO | {b"SENTINEL": says}) as odd, server(HELLO | {b"SENTINEL": good}) as other:
            assert length_at(f"redis+sentinel://127.0.0.1:{odd},127.0.0.1:{other}/m") == 7
            with pytest.raises(UNREACHABLE, match=why):
                length_at(f"redis+sentinel://127.0.0.1:{odd}/m")


def test_a_replica_that_a_late_sentinel_names_is_not_worked_with() -> None:
    replica = HELLO | {b"ROLE": b"*5\r\n$5\r\nslave\r\n$1\r\nx\r\n:1\r\n$9\r\nconnected\r\n:1\r\n", b"LLEN": b":7\r\n"}
    with server(replica) as port:
        good = ADDRESS.format(len(str(port)), port).encode()
        with server(HELLO | {b"SENTINEL": good}) as sentinel, pytest.raises(UNREACHABLE, match="no master now"):
            length_at(f"redis+sentinel://127.0.0.1:{sentinel}/m", sentinels=Login())


def test_a_cluster_s_servers_are_asked_in_turn_and_those_that_are_met_are_remembered() -> None:
    one, two, three = (Node(f"c{n}", 6379) for n in (1, 2, 3))
    guide = ByCluster([one, two], "{x}:never")
    assert guide.find() == one
    guide.failed(one)
    assert guide.find() == two
    guide.moved(three)
    assert guide.find() == three
    guide.failed(three)
    assert guide.find() == two
    guide.failed(two)
    guide.failed(one)
    assert guide.find() == three, "all that the spec names are gone"
