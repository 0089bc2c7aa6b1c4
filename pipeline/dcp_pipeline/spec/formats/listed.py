"""What every type of file says of itself: how its records travel, which words it takes, what its types cannot say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from dcp_pipeline.spec.part import Part

if TYPE_CHECKING:
    from dcp_pipeline.spec.words.format import Format

TEXT = frozenset(("encoding", "members", "blank_rows"))
LINES = TEXT | {"comment_char"}
LABELLED = frozenset(("header", "labels", "skip_rows", "blank_rows"))

Problem = tuple[str, str]
"""A word, as people write it, and what is wrong with it."""


class NoWords(Part, frozen=True):
    """Of a type without words of its own."""


def nothing_wrong(form: Format) -> Iterator[Problem]:
    """Of a type whose words say all."""
    yield from ()


class Kind(msgspec.Struct, frozen=True):
    """A type of file.

    `cut`: what its records are when they are cut and travel: lines, csv's cells, or JSON, a line each. `takes`: which
    of the words that types share. `own`: a Part with the words that it alone has. `needs`: of those the ones that must
    be there, each as people would say it. `problems` yields what is wrong with words that have the right types.
    """

    cut: Literal["lines", "cells", "json"]
    takes: frozenset[str]
    own: type[Part] = NoWords
    needs: Mapping[str, str] = {}
    problems: Callable[[Format], Iterable[Problem]] = nothing_wrong
    opened: bool = False
    """The fetcher makes lines of it: what is cut are not the file's own bytes."""
    held_whole: bool = False
    """A library of other languages reads it, and may end the process; the rest is ours, in bounded pieces."""
    is_zip: bool = False
    """Its files are zip archives themselves, which are not to be unpacked."""
    delimiter: str = ","
    quote: str = '"'

    @property
    def words(self) -> frozenset[str]:
        """All words that it takes, besides those that every type does."""
        return self.takes | set(self.own.__struct_fields__)


Kinds = Mapping[str, Kind]
"""Type, as people write it: the kind."""
