"""`dcp objects release` and `drop`: what a person decides of objects that are held.

The ledger is told first, the queue after: whoever is killed in between leaves work, which the next fetcher sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress

import redis

from dcp_cli.errors import CommandFailed
from dcp_cli.ledger.choosing import ID_CHARS, chosen
from dcp_cli.look import client_of, ledger_of
from dcp_cli.options import print_json
from dcp_cli.shown.say import say
from dcp_cli.shown.tables import show_table
from dcp_pipeline.connect import open_queue
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.model import ObjectBooks, ObjectState
from dcp_pipeline.process.exit_codes import DONE
from dcp_pipeline.queue import Queue
from dcp_pipeline.setup import Setup

HELD = "held"


def list_held(setup: Setup, source: str | None, output: str) -> int:
    """Print the objects that wait for a person."""
    with ExitStack() as stack:
        ledger = ledger_of(setup, stack)
        found = ledger.held()
        books = {each.object_id: each for each in ledger.books_of([each.object_id for each in found])}
    found = tuple(each for each in found if source in (None, books[each.object_id].source))
    if output == "json":
        waiting = [
            {
                "id": each.object_id,
                "uri": each.uri,
                "batches": each.batches,
                "records": each.records,
                "reason": each.reason,
            }
            for each in found
        ]
        print_json({"objects": waiting, "before": None})
        return DONE
    rows = [[each.object_id[:ID_CHARS], f"{each.records:,}", each.uri, each.reason] for each in found]
    if rows:
        show_table(rows, ["id", "records that wait", "object", "reason"])
    else:
        say("nothing is held")
    return DONE


def release_objects(setup: Setup, ids: tuple[str, ...], every: bool, output: str) -> int:
    """Have them tried again, and judged no more."""
    with ExitStack() as stack:
        ledger = ledger_of(setup, stack)
        those = _chosen(ledger, ids, every)
        batches, known = _released(ledger, queue_of(setup, stack), those)
    if output == "json":
        print_json({"released": len(those), "batches": batches, "queued": known})
    else:
        say(_said(len(those), batches, known))
    return DONE


def release(ledger: Ledger, queue: Queue | None, those: Sequence[ObjectBooks]) -> str:
    """Have these tried again; what came of it."""
    return _said(len(those), *_released(ledger, queue, those))


def _said(objects: int, batches: int, known: int) -> str:
    return (
        f"{objects} objects released, {batches} batches: {known} in the queue, the rest is read again at the "
        "fetcher's next look"
    )


def _released(ledger: Ledger, queue: Queue | None, those: Sequence[ObjectBooks]) -> tuple[int, int]:
    """How many batches are tried again, and of how many the queue had the bytes."""
    batches = [batch for each in those for batch in ledger.release(each.object_id)]
    # Those of an earlier call that did not come to its end are told to the queue now.
    waiting = list(dict.fromkeys([*batches, *ledger.requeueing()]))
    known = 0
    if queue is not None:
        known = queue.requeue_dead(waiting)
        ledger.requeued(waiting)
    return len(batches), known


def drop_objects(setup: Setup, ids: tuple[str, ...], every: bool) -> int:
    """Leave out what waits of them."""
    with ExitStack() as stack:
        ledger = ledger_of(setup, stack)
        said = drop(ledger, queue_of(setup, stack), _chosen(ledger, ids, every))
    say(said)
    return DONE


def drop(ledger: Ledger, queue: Queue | None, those: Sequence[ObjectBooks]) -> str:
    """Leave out what waits of these; what came of it. Raises CommandFailed where one is being read."""
    for each in those:
        if each.state is ObjectState.CUTTING or each.pending:
            raise CommandFailed(f"it is being read, wait until that is over: {each.uri}")
    batches = [batch for each in those for batch in ledger.drop(each.object_id)]
    if queue is not None:
        queue.purge_dead(batches)
    return f"{len(those)} objects: what waited of them is left out, {len(batches)} batches; their records are filtered"


def held_of(ledger: Ledger, ids: Sequence[str]) -> tuple[ObjectBooks, ...]:
    """The books of these. Raises CommandFailed where one is not held (any more)."""
    held = {each.object_id for each in ledger.held()}
    if not set(ids) <= held:
        raise CommandFailed("of these objects some are not held (any more)")
    return ledger.books_of(ids)


def queue_of(setup: Setup, stack: ExitStack) -> Queue | None:
    """None where no server is at hand: workers and fetcher see by themselves what the ledger says."""
    with suppress(CommandFailed, redis.RedisError):
        queue = open_queue(setup, client_of(setup, stack))
        queue.stats()
        return queue
    return None


def _chosen(ledger: Ledger, ids: Sequence[str], every: bool) -> list[ObjectBooks]:
    held = [each.object_id for each in ledger.held()]
    found = chosen(ledger, ids, every, ledger.books_of(held))
    others = [each for each in found if each.object_id not in held]
    if others:
        raise CommandFailed(f"it is not held: {others[0].uri}; see `dcp objects ls --state held`")
    return found
