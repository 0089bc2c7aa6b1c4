"""A pipeline's keys in Redis: jobs, dead ones included, inbox, tasks, reports."""

from __future__ import annotations

import time

import redis

from dcp_pipeline.observe.report import read_reports, report_keys
from dcp_pipeline.observe.scaling_note import note_keys
from dcp_pipeline.queue import Inbox, Queue

ALIVE_SECONDS = 20.0
"""A fetcher that told so lately is taken to live."""


def still_alive(queue: Queue, client: redis.Redis) -> str | None:
    """Who works with the queue now, as far as it can tell."""
    workers = [each.worker for each in queue.workers()]
    if workers:
        return f"worker {workers[0]}" + (f" and {len(workers) - 1} more" if workers[1:] else "")
    told = read_reports(client, queue.name).get("fetcher")
    return "its fetcher" if told is not None and time.time() - told.at < ALIVE_SECONDS else None


def count_keys(queue: Queue, client: redis.Redis) -> dict[str, int]:
    """How many batches, and tasks of the inbox, there are."""
    stats, inbox = queue.stats(), Inbox(client, queue.name)
    waiting = inbox.length()
    return {"queued": stats.backlog, "dead": stats.dead, "inbox": waiting}


def forget_keys(queue: Queue, client: redis.Redis) -> dict[str, int]:
    """Delete them; how many there were."""
    counted = count_keys(queue, client)
    queue.drop()
    Inbox(client, queue.name).drop()
    client.delete(*report_keys(queue.name), *note_keys(queue.name))
    return counted


def other_owner(queue: Queue, pipeline: str) -> str | None:
    """Another pipeline whose queue it is: that one's stays."""
    owner = queue.owner()
    return owner if owner not in (None, pipeline) else None
