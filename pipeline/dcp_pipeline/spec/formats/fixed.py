"""fixed: lines of columns that are so many characters wide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from dcp_pipeline.spec.formats.listed import LINES, Kind, Kinds, Problem
from dcp_pipeline.spec.part import Part

if TYPE_CHECKING:
    from dcp_pipeline.spec.words.format import Format


class FixedColumn(Part, frozen=True):
    """A column of a fixed-width file; each starts where the one before it ends."""

    name: Annotated[str, Meta(description="Its label.", min_length=1, max_length=256)]
    width: Annotated[int, Meta(description="Characters.", ge=1, le=100_000)]


class Fixed(Part, frozen=True):
    """How a line is taken apart."""

    columns: Annotated[
        tuple[FixedColumn, ...], Meta(description="fixed: the columns from left to right.", max_length=500)
    ] = ()


def _problems(form: Format) -> Iterator[Problem]:
    names = [each.name for each in form.own(Fixed).columns]
    if not names:
        yield "columns", "is missing: a list of {name, width}, from left to right"
    if len(set(names)) < len(names):
        yield "columns", "names a column twice"


KINDS: Kinds = {"fixed": Kind(cut="lines", takes=LINES, own=Fixed, needs={"columns": "columns"}, problems=_problems)}
