"""The inbox that other programs use with redis-cli, and what it tells them about their tasks."""

from __future__ import annotations

import redis

from dcp_pipeline.queue import Inbox


def test_what_redis_cli_pushes_is_read_oldest_first(inbox: Inbox, client: redis.Redis) -> None:
    client.lpush(inbox.name, '{"url": 1}')
    assert inbox.push('{"url": 2}') == 2
    assert client.llen(inbox.name) == inbox.length() == 2
    assert inbox.peek() == b'{"url": 1}'
    assert inbox.pop_if(b'{"url": 1}')
    assert inbox.peek() == b'{"url": 2}'


def test_a_task_is_popped_only_while_it_is_the_oldest(inbox: Inbox) -> None:
    assert inbox.peek() is None
    assert not inbox.pop_if(b"first")
    inbox.push(b"first")
    inbox.push(b"second")
    assert not inbox.pop_if(b"second")
    assert inbox.pop_if(b"first")
    assert not inbox.pop_if(b"first")
    assert inbox.length() == 1


def test_a_tasks_fields_are_there_until_it_expires(inbox: Inbox, client: redis.Redis) -> None:
    inbox.put_task("t1", {"state": "cutting", "progress": 0.5})
    inbox.put_task("t1", {"state": "done"})
    inbox.put_task("t2", {"state": "cutting"})
    assert inbox.task("t1") == {"state": "done", "progress": "0.5"}
    assert client.ttl(inbox.keys.task("t1")) == -1
    assert inbox.expire_task("t1", 60)
    inbox.put_task("t1", {"progress": 1})
    assert 0 < client.ttl(inbox.keys.task("t1")) <= 60
    assert inbox.task_ids() == ["t2", "t1"]
    assert client.ttl(inbox.keys.tasks) == -1


def test_the_index_of_tasks_expires_with_the_last_of_them(inbox: Inbox, client: redis.Redis) -> None:
    for task_id, seconds in (("t1", 50), ("t2", 100.5), ("t3", 20)):
        inbox.put_task(task_id, {"state": "done"})
        inbox.expire_task(task_id, seconds)
    assert 50 < client.ttl(inbox.keys.tasks) <= 101
    client.zadd(inbox.keys.tasks, {"t3": 1})
    assert inbox.task_ids() == ["t2", "t1"]


def test_an_unknown_task_has_no_fields_and_cannot_expire(inbox: Inbox) -> None:
    assert inbox.task("unknown") == {}
    assert not inbox.expire_task("unknown", 60)
    assert inbox.task_ids() == []
