"""regex: lines whose cells are the named groups of a pattern."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from dcp_pipeline.spec.formats.listed import LINES, Kind, Kinds, Problem
from dcp_pipeline.spec.part import Part
from dcp_pipeline.spec.problems import NOT_LINEAR, not_linear

if TYPE_CHECKING:
    from dcp_pipeline.spec.words.format import Format


class Regex(Part, frozen=True):
    """How a line is taken apart."""

    pattern: Annotated[
        Annotated[str, Meta(max_length=4096)] | None,
        Meta(description="regex: matches a whole line (RE2 syntax); its named groups (?P<label>...) are the cells."),
    ] = None


def _problems(form: Format) -> Iterator[Problem]:
    pattern = form.own(Regex).pattern
    if not pattern:
        yield "pattern", "is missing: a regular expression with named groups, (?P<label>...)"
        return
    if not_linear(pattern):
        yield "pattern", NOT_LINEAR
        return
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        yield "pattern", f"is no regular expression: {error}"
        return
    if not groups:
        yield "pattern", "has no named groups; write (?P<label>...) around each cell"


KINDS: Kinds = {"regex": Kind(cut="lines", takes=LINES, own=Regex, needs={"pattern": "a pattern"}, problems=_problems)}
