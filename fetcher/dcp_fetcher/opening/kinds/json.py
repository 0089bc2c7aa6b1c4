"""json: the elements of an array, or the values of a document, as lines (json_array.py)."""

from __future__ import annotations

from dcp_fetcher.opening.decompress import Readable
from dcp_fetcher.opening.json_array import JsonArray, JsonValues
from dcp_fetcher.opening.kinds.how import How
from dcp_pipeline.spec.formats.json import Json


def lines(stream: Readable, how: How) -> Readable:
    """A record a line."""
    own = how.form.own(Json)
    if own.concatenated:
        return JsonValues(stream)
    return JsonArray(stream, own.items, how.form.max_record_bytes.bytes, how.parts)
