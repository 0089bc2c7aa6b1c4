"""json: a document that holds an array of objects, or an object of them by name, or objects one behind the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from dcp_pipeline.spec.formats.listed import TEXT, Kind, Kinds, Problem
from dcp_pipeline.spec.part import Part

if TYPE_CHECKING:
    from dcp_pipeline.spec.words.format import Format


class Json(Part, frozen=True):
    """Where in the document its records are."""

    items: Annotated[
        Annotated[str, Meta(max_length=256)] | None,
        Meta(description="json: dotted path of the array of records; by default the document is the array."),
    ] = None
    concatenated: Annotated[
        bool, Meta(description="json: objects one behind the other, line breaks anywhere, instead of an array.")
    ] = False
    key_as: Annotated[
        Annotated[str, Meta(min_length=1, max_length=256)] | None,
        Meta(
            description="json: the records stand in an object, by name; the label under which each has its name. An "
            "array there has a record for each element."
        ),
    ] = None


def _problems(form: Format) -> Iterator[Problem]:
    own = form.own(Json)
    if own.concatenated and own.items is not None:
        yield "items", "is set, but with concatenated there is no array around the records"
    if own.concatenated and own.key_as is not None:
        yield "keyAs", "is set, but with concatenated there is no object around the records"


KINDS: Kinds = {"json": Kind(cut="json", takes=TEXT, own=Json, problems=_problems, opened=True)}
