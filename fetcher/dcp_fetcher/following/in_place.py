"""A growing file whose bytes were written anew under the same name and inode: what is told of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from dcp_fetcher.following.match import Found, inode_of
from dcp_fetcher.sites.versions import generation_of
from dcp_pipeline.ledger.model import SourceObject


def rewritten_in_place(generation: SourceObject, file: Found) -> bool:
    """Whether the file has the generation's name and inode; that it is not found there is known already."""
    return file.uri == generation.uri and file.inode == inode_of(generation)


def successor(generation: SourceObject, known: Iterable[SourceObject]) -> int:
    """The number of the generation that what stands there now is read as."""
    own = _number(generation)
    later = (_number(each) for each in known if each.uri == generation.uri and _number(each) > own)
    return min(later, default=own + 1)


def rewritten(changed_after: int, read_bytes: int, records: int, successor_number: int) -> str:
    """What happened, for people."""
    return (
        f"rewritten in place, from somewhere after byte {changed_after} on: what stands there now is read anew as "
        f"generation {successor_number}; the {records} records that were read before, to byte {read_bytes}, stay as "
        "rows. What was written behind them after the last look and before the change, if anything, is lost"
    )


def _number(each: SourceObject) -> int:
    return (generation_of(each.version) or (0, False))[0]
