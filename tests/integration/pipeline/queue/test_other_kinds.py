"""Somebody else writes under a name of the queue: told with the key and what to do, deleted by nobody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from dcp_pipeline.queue import Inbox, Job, Queue
from dcp_pipeline.queue.connection import connect, refuses
from dcp_pipeline.queue.kinds import KeyOfAnotherKind
from support.botnet_feed import HEADER, lines
from support.dcp_process import dcp, write_spec
from support.feed_server import feed_server
from support.redis_server import RunningServer

WORDS = "somebody else writes there"


@pytest.mark.parametrize("name", ["ready", "scheduled", "inflight", "dead", "age", "meta"])
def test_the_key_is_named_and_what_it_should_be(server: RunningServer, client: redis.Redis, name: str) -> None:
    ours = connect(server.url)
    queue = Queue(ours, f"test.{uuid4().hex}")
    key = f"{queue.keys.prefix}{name}"
    client.set(key, "of somebody else", ex=60)
    calls: tuple[Callable[[], object], ...] = (
        lambda: queue.enqueue([Job("a", b"payload")]),
        lambda: queue.exchange("w", [], 1),
        queue.stats,
        queue.mend,
    )
    met = []
    for call in calls:
        try:
            call()
        except KeyOfAnotherKind as error:
            met.append(error)
    assert met
    for error in met:
        kind = "hash" if name == "meta" else "zset"
        assert f"{key} is a string and not a {kind} (WRONGTYPE): {WORDS}" in str(error)
        assert refuses(error)
    assert client.get(key) == b"of somebody else"
    ours.close()


def test_an_inbox_of_another_kind_is_told_too(server: RunningServer, client: redis.Redis) -> None:
    inbox = Inbox(connect(server.url), f"test.{uuid4().hex}")
    client.hset(inbox.name, "a", "b")
    client.expire(inbox.name, 60)
    for call in (inbox.peek, inbox.length, lambda: inbox.push("{}"), lambda: inbox.pop_if(b"{}")):
        with pytest.raises(KeyOfAnotherKind, match=f"{inbox.name} is a hash and not a list"):
            call()


def test_other_errors_are_as_they_were(server: RunningServer) -> None:
    client = connect(server.url)
    with pytest.raises(redis.ResponseError) as met:
        client.execute_command("NO.SUCH.COMMAND")
    assert not isinstance(met.value, KeyOfAnotherKind)


@pytest.mark.parametrize("name", ["{%s}:age", "%s"], ids=["an index", "the inbox"])
def test_a_run_ends_with_the_words(server: RunningServer, client: redis.Redis, tmp_path: Path, name: str) -> None:
    queue = f"test.{uuid4().hex}"
    client.set(name % queue, "of somebody else", ex=600)
    with feed_server() as feed:
        feed.put("2026-10-01.csv", f"{HEADER}\n".encode() + b"".join(lines(20, 1)))
        spec = write_spec(tmp_path / "s.yaml", feed.url, sink=f"sqlite:///{tmp_path}/clean.db", redis=server.url)
        spec.write_text(spec.read_text().replace("  queue: {", f"  queue: {{name: {queue}, "))
        code, process = dcp(tmp_path, "run", str(spec), "--once")
    assert code == 1
    assert WORDS in process.err()
    assert "Traceback" not in process.err()
