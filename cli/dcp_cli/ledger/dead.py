"""`dcp dead`: batches that were given up. The ledger says which; the queue has their bytes, if it wasn't wiped."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack

from dcp_cli.errors import CommandFailed
from dcp_cli.look import client_of, ledger_of
from dcp_cli.options import print_json
from dcp_cli.shown.say import say, to_a_terminal
from dcp_cli.shown.tables import show_table
from dcp_pipeline.batch import decode_batch
from dcp_pipeline.connect import open_queue
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.model import DeadBatch
from dcp_pipeline.process.exit_codes import DONE
from dcp_pipeline.queue import Queue
from dcp_pipeline.setup import Setup


def list_dead(setup: Setup, output: str) -> int:
    """Print the dead batches of the ledger."""
    with ExitStack() as stack:
        batches = ledger_of(setup, stack).dead_batches()
    if output == "json":
        print_json({"dead": [_as_json(each) for each in batches]})
        return DONE
    rows = [
        [each.batch_id, each.uri, f"{each.start}..{each.end}", f"{each.records:,}", str(each.attempts), each.reason]
        for each in batches
    ]
    if rows:
        show_table(rows, ["batch", "object", "bytes", "records", "attempts", "reason"])
    else:
        say("nothing is dead")
    return DONE


def _as_json(each: DeadBatch) -> dict[str, object]:
    return {
        "batch": each.batch_id,
        "source": each.source,
        "uri": each.uri,
        "start": each.start,
        "end": each.end,
        "first_record": each.first_record,
        "records": each.records,
        "attempts": each.attempts,
        "reason": each.reason,
        "died_at": each.died_at.isoformat() if each.died_at else None,
    }


def show_dead(setup: Setup, batch_id: str) -> int:
    """Write a dead batch's records to stdout."""
    with ExitStack() as stack:
        queue = open_queue(setup, client_of(setup, stack))
        payload = queue.dead_payload(batch_id)
        if payload is None:
            dead = [each.batch_id for each in ledger_of(setup, stack).dead_batches()]
            [batch_id] = _named([batch_id], dead)
            payload = queue.dead_payload(batch_id)
    if payload is None:
        raise CommandFailed(
            f"the queue has no bytes of dead batch {batch_id}, for it was purged, or its Redis wiped; "
            "`dcp dead requeue` has the fetcher read them again"
        )
    records = decode_batch(payload).raw()
    if to_a_terminal():
        say(records.decode("utf-8", "backslashreplace"))
    else:
        sys.stdout.buffer.write(records)
    return DONE


def requeue_dead(setup: Setup, batches: tuple[str, ...], every: bool, output: str = "text") -> int:
    """Give dead batches another life: in the ledger first, so that a crash in between leaves work and no gap. Called
    again, it ends what was left."""
    with ExitStack() as stack:
        ledger, client = ledger_of(setup, stack), client_of(setup, stack)
        revived, known = _requeued(ledger, open_queue(setup, client), batches, every)
    if output == "json":
        print_json({"revived": revived, "queued": known, "read_again": revived - known})
    else:
        say(_said(revived, known))
    return DONE


def requeue(ledger: Ledger, queue: Queue, batches: Sequence[str], every: bool) -> str:
    """Requeue them; what came of it. Raises CommandFailed where one is not dead."""
    return _said(*_requeued(ledger, queue, batches, every))


def _said(revived: int, known: int) -> str:
    return f"{revived} revived; {known} in the queue, the rest is read again at the fetcher's next look"


def _requeued(ledger: Ledger, queue: Queue, batches: Sequence[str], every: bool) -> tuple[int, int]:
    """How many live again, and of how many the queue had the bytes."""
    from dcp_worker.chores import Undertaker

    Undertaker(queue, ledger).run_once()
    # Those of an earlier call that did not come to its end are told to the queue now.
    chosen = _chosen(batches, every, [*(each.batch_id for each in ledger.dead_batches()), *ledger.requeueing()])
    ledger.revive(chosen)
    known = queue.requeue_dead(chosen)
    ledger.requeued(chosen)
    return len(chosen), known


def purge_dead(setup: Setup, batches: tuple[str, ...], every: bool) -> int:
    """Drop the bytes of dead batches from the queue."""
    from dcp_worker.chores import Undertaker

    with ExitStack() as stack:
        ledger, client = ledger_of(setup, stack), client_of(setup, stack)
        queue = open_queue(setup, client)
        Undertaker(queue, ledger).run_once()
        chosen = _chosen(batches, every, [each.batch_id for each in ledger.dead_batches()])
        purged = queue.purge_dead(chosen)
    say(f"{purged} purged from the queue; the ledger keeps them as dead")
    return DONE


def _chosen(batches: Sequence[str], every: bool, dead: list[str]) -> list[str]:
    return dead if every else _named(batches, dead)


def _named(ids: Sequence[str], dead: Sequence[str]) -> list[str]:
    """The batches that are named: an id may be shortened, as far as it names one."""
    found = {each: [batch for batch in dead if batch.startswith(each)] for each in ids}
    if unknown := sorted(each for each, batches in found.items() if not batches):
        raise CommandFailed(f"not dead: {', '.join(unknown)}; see `dcp dead ls`")
    if several := sorted(each for each, batches in found.items() if len(set(batches)) > 1):
        raise CommandFailed(f"more than one dead batch begins so: {', '.join(several)}; write more of the id")
    return list(dict.fromkeys(batches[0] for batches in found.values()))
