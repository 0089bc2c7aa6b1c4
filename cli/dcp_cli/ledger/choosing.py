"""Which objects a person means: named by their ids, which may be shortened, or all of a kind."""

from __future__ import annotations

from collections.abc import Sequence

from dcp_cli.errors import CommandFailed
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.ledger.looking.view import LedgerView
from dcp_pipeline.ledger.model import ObjectBooks

ID_CHARS = 12
"""Of an id, as far as it is shown."""


def chosen(ledger: Ledger, ids: Sequence[str], every: bool, those: Sequence[ObjectBooks]) -> list[ObjectBooks]:
    """All of those, or the named ones: an id is looked for among those first."""
    meant = [each.object_id for each in those]
    return list(those) if every else [only_one(ledger, id_, meant) for id_ in ids]


def only_one(ledger: Ledger, id_: str, meant: Sequence[str] = ()) -> ObjectBooks:
    """An id may be shortened, as far as it names one object: of those that are meant, else of all."""
    named = [each for each in meant if each.startswith(id_)] or list(
        LedgerView(ledger.engine, ledger.pipeline).objects_named(id_)
    )
    found = ledger.books_of(named)
    if len(found) > 1:
        which = ", ".join(f"{each.object_id[:ID_CHARS]} ({each.uri})" for each in found)
        raise CommandFailed(f"{id_} names more than one object: {which}; write more of the id")
    if not found:
        raise CommandFailed(f"{id_} names no object; see `dcp objects ls`")
    return found[0]
