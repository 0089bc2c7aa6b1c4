"""json: the elements of an array or the values of a document as lines (json_array.py, json_names.py)."""

from __future__ import annotations

from dcp_fetcher.opening.decompress import Readable
from dcp_fetcher.opening.json_array import JsonArray, JsonValues
from dcp_fetcher.opening.json_names import Named
from dcp_fetcher.opening.kinds.how import How
from dcp_pipeline.spec.formats.json import Json


def lines(stream: Readable, how: How) -> Readable:
    """A record a line."""
    own = how.form.own(Json)
    if own.concatenated:
        return JsonValues(stream)
    longest_bytes = how.form.max_record_bytes.bytes
    if own.key_as is not None:
        members = JsonArray(stream, own.items, longest_bytes, how.parts, by_name=True)
        return Named(members, own.key_as, longest_bytes)
    return JsonArray(stream, own.items, longest_bytes, how.parts)
