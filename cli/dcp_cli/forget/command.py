"""What `dcp forget` does: each side goes by itself; what is in the way of one does not stop the other."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import redis

from dcp_cli.errors import CommandFailed
from dcp_cli.forget.books import count_books, forget_books
from dcp_cli.forget.queue import count_keys, forget_keys, other_owner, still_alive
from dcp_cli.look import client_of, engine_of
from dcp_cli.options import print_json
from dcp_cli.shown.say import say
from dcp_pipeline.connect import open_queue
from dcp_pipeline.database.errors import LedgerError
from dcp_pipeline.errors import in_words
from dcp_pipeline.process.exit_codes import DONE, FAILED, INVALID
from dcp_pipeline.queue import Queue, QueueError
from dcp_pipeline.setup import Setup

Counts = Mapping[str, int]


@dataclass(frozen=True)
class Side:
    """What came of the queue, or of the ledger."""

    counts: Counts
    remark: str = ""
    """Why there was nothing to do."""
    trouble: str = ""
    """Why it is not done."""


def forget(setup: Setup, yes: bool, force: bool, output: str) -> int:
    """Delete, or with `yes` missing only count; 1 where one side could not be reached."""
    with ExitStack() as stack:
        queue = _queue_side(setup, stack, yes, force)
        ledger = _ledger_side(setup, stack, yes)
    troubles = [each for each in (queue.trouble, ledger.trouble) if each]
    counts = {**queue.counts, **ledger.counts}
    if output == "json":
        print_json({
            "forgotten": yes and not troubles, "pipeline": setup.pipeline.key, "table": setup.pipeline.table,
            "counts": counts, "remarks": [each for each in (queue.remark, ledger.remark) if each], "troubles": troubles,
        })  # fmt: skip
    else:
        _say(setup, queue, ledger, yes)
    if troubles:
        return FAILED
    return DONE if yes else INVALID


def _queue_side(setup: Setup, stack: ExitStack, yes: bool, force: bool) -> Side:
    try:
        client = client_of(setup, stack)
    except CommandFailed:  # an embedded server, which went with its run
        return Side({}, remark="no queue: it went with its `dcp run`")
    queue = open_queue(setup, client)
    try:
        return _of_queue(queue, client, setup.pipeline.key, yes, force)
    except (redis.RedisError, QueueError, OSError) as error:
        return Side({}, trouble=setup.secrets.redact(f"the queue cannot be reached: {in_words(error)}"))


def _of_queue(queue: Queue, client: redis.Redis, pipeline: str, yes: bool, force: bool) -> Side:
    if (owner := other_owner(queue, pipeline)) is not None:
        return Side({}, remark=f"the queue {queue.name} is of the pipeline {owner}, and stays")
    if yes and not force and (who := still_alive(queue, client)) is not None:
        raise CommandFailed(f"{who} is at work: end fetcher and workers first, or say --force; nothing was deleted")
    return Side((forget_keys if yes else count_keys)(queue, client))


def _ledger_side(setup: Setup, stack: ExitStack, yes: bool) -> Side:
    try:
        engine = engine_of(setup, stack)
        found = (forget_books if yes else count_books)(engine, setup.pipeline.key)
    except CommandFailed as error:  # a file that is not there
        return Side({}, remark=str(error))
    except LedgerError as error:
        return Side({}, trouble=setup.secrets.redact(f"the ledger cannot be reached: {in_words(error)}"))
    return Side(found) if found else Side({}, remark="there is no ledger in the sink's database")


def _say(setup: Setup, queue: Side, ledger: Side, yes: bool) -> None:
    for name, side in (("queue", queue), ("ledger", ledger)):
        told = ", ".join(f"{count:,} {what}" for what, count in side.counts.items())
        say(f"{name}: {side.trouble or side.remark or told}")
    if not yes:
        say(
            f"nothing was deleted: --yes forgets {setup.pipeline.key}; the rows of {setup.pipeline.table} stay",
            err=True,
        )
    elif not (queue.trouble or ledger.trouble):
        say(f"{setup.pipeline.key} is forgotten; the rows of {setup.pipeline.table} stay")
