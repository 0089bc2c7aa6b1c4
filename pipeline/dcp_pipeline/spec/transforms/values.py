"""Transforms that put other values in a value's place: a mapping, a table, a default, a part of JSON text."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from dcp_pipeline.spec.part import Part
from dcp_pipeline.spec.transforms.listed import OTHERWISE, Listed, Otherwise, Steps


class MapValues(Part, frozen=True):
    """Other values for those listed."""

    values: Annotated[
        dict[str, Annotated[str, Meta(max_length=1024)]],
        Meta(description="Value: what it becomes.", min_length=1, max_length=1000),
    ]
    otherwise: Annotated[Otherwise, Meta(description=OTHERWISE)] = "keep"


class Lookup(Part, frozen=True):
    """The value that stands beside this one in a table: a CSV file with a header, in UTF-8, read into memory."""

    path: Annotated[
        str, Meta(description="The file, as the worker sees it; relative to the spec.", min_length=1, max_length=4096)
    ]
    key: Annotated[str, Meta(description="Label of the column to look in.", max_length=256)]
    value: Annotated[str, Meta(description="Label of the column to take from.", max_length=256)]
    delimiter: Annotated[str, Meta(description="One character.", min_length=1, max_length=1)] = ","
    otherwise: Annotated[Otherwise, Meta(description=OTHERWISE)] = "missing"


class JsonPath(Part, frozen=True):
    """A value inside JSON text, as it is written there; strings without their quotes."""

    path: Annotated[
        str, Meta(description="$.name, $['any name'] and $[0], one after the other.", min_length=1, max_length=1024)
    ]
    otherwise: Annotated[Otherwise, Meta(description=OTHERWISE)] = "missing"


STEPS: Steps = {
    "map": Listed(MapValues, "Other values for those listed."),
    "lookup": Listed(Lookup, "The value beside this one in a CSV file."),
    "default": Listed(Annotated[str, Meta(max_length=1024)], "The value where there is none."),
    "json": Listed(JsonPath, "A value inside JSON text."),
}
