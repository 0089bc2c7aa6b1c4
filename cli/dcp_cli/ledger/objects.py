"""`dcp objects`: what the ledger says of each version of each file, and what a person decides about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import click

from dcp_cli.errors import CommandFailed
from dcp_cli.ledger.choosing import ID_CHARS, chosen, only_one
from dcp_cli.ledger.held import HELD, list_held
from dcp_cli.look import ledger_of, pages_of
from dcp_cli.options import json_text, print_json
from dcp_cli.shown.say import say
from dcp_cli.shown.summary import object_as_json
from dcp_cli.shown.tables import show_table
from dcp_fetcher.sites.versions import FORGOTTEN, REREAD
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.looking.overview import LATEST
from dcp_pipeline.ledger.looking.view import LedgerView
from dcp_pipeline.ledger.model import ObjectBooks, ObjectState
from dcp_pipeline.process.exit_codes import DONE
from dcp_pipeline.setup import Setup


def list_objects(
    setup: Setup, state: str | None, source: str | None, output: str, before: str | None = None, every: bool = False
) -> int:
    """Print objects, oldest first: the newest LATEST, those before one of them, or all."""
    if state == HELD:
        return list_held(setup, source, output)
    wanted = None if state is None else ObjectState(state)
    with ExitStack() as stack:
        ledger = ledger_of(setup, stack)
        if every:
            return _print_all(pages_of(ledger, wanted, source), output)
        view = LedgerView(ledger.engine, ledger.pipeline)
        older_than = None if before is None else view.number_of(only_one(ledger, before).object_id)
        page = view.objects_page(older_than=older_than, state=wanted, source=source, limit=LATEST)
    found = [each.books for each in reversed(page.objects)]
    older = found[0].object_id if page.older is not None else None
    if output == "json":
        print_json({"objects": [object_as_json(each) for each in found], "before": older})
        return DONE
    if older is not None:
        say(f"{len(found):,} objects; those before them: --before {older[:ID_CHARS]}, all: --all")
    _show(found)
    return DONE


def _print_all(pages: Iterator[tuple[ObjectBooks, ...]], output: str) -> int:
    if output == "json":
        # Written as it is read: nobody holds all of a long history.
        comma = ""
        click.echo('{"objects": [', nl=False)
        for page in pages:
            for each in page:
                click.echo(comma + json_text(object_as_json(each)), nl=False)
                comma = ", "
        click.echo('], "before": null}')
        return DONE
    _show(next(pages, ()))
    for page in pages:
        _show(page)
    return DONE


def _show(found: Sequence[ObjectBooks]) -> None:
    rows = [
        [each.object_id[:ID_CHARS], each.state.value, f"{each.read:,}", each.uri, each.reason or ""] for each in found
    ]
    if rows:
        show_table(rows, ["id", "state", "records", "object", "reason"])
    else:
        say("there are no such objects")


def forget_objects(setup: Setup, ids: tuple[str, ...], every: bool) -> int:
    """Make unavailable objects history."""
    with ExitStack() as stack:
        ledger = ledger_of(setup, stack)
        said = forget(ledger, chosen(ledger, ids, every, ledger.unavailable_books()))
    say(f"{said}: `dcp objects ls --state history`")
    return DONE


def forget(ledger: Ledger, those: Sequence[ObjectBooks]) -> str:
    """Make these unavailable objects history; what came of it. Raises CommandFailed where one is not unavailable."""
    others = [each for each in those if each.state is not ObjectState.UNAVAILABLE]
    if others:
        raise CommandFailed(f"not unavailable, but {others[0].state.value}: {others[0].uri}")
    for each in those:
        reason = f"{FORGOTTEN}; {each.reason or ''}"
        ledger.decide_object(each.object_id, ObjectState.HISTORY, reason)
    return f"{len(those)} objects are history"


def reread_objects(setup: Setup, ids: tuple[str, ...], every: bool) -> int:
    """Ask for objects to be read again, as versions of their own."""
    with ExitStack() as stack:
        ledger = ledger_of(setup, stack)
        meant = ledger.unavailable_books() if every else [only_one(ledger, id_) for id_ in ids]
        said = reread(setup, ledger, meant)
    say(said)
    return DONE


def reread(setup: Setup, ledger: Ledger, those: Sequence[ObjectBooks]) -> str:
    """Have these objects read again; what came of it. Raises CommandFailed where one cannot be."""
    for each in those:
        _check_rereadable(setup, each)
    for each in those:
        state = ObjectState.CUT if each.state is ObjectState.CUT else ObjectState.HISTORY
        ledger.decide_object(each.object_id, state, f"{REREAD}; {each.reason or ''}")
    return (
        f"{len(those)} objects are read again at the fetcher's next look, where their source has them; "
        "records that are in the table already count as duplicates"
    )


def _check_rereadable(setup: Setup, each: ObjectBooks) -> None:
    if each.state is ObjectState.CUTTING:
        raise CommandFailed(f"it is being read, wait until that is over: {each.uri}")
    source = next((one for one in setup.pipeline.spec.sources if one.name == each.source), None)
    if source is None:
        raise CommandFailed(f"it came from source {each.source!r}, which the spec has no more: {each.uri}")
    if source.growth == "append":
        raise CommandFailed(
            f"source {each.source} grows (growth: append) and is read on by itself; read again, its records would be "
            f"in the table twice: {each.uri}"
        )
