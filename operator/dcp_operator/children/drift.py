"""Whether a live object still is what would be applied. Pure.

A server-side apply that changes nothing is a request all the same, so none is sent without need. Two things are
compared. First the annotation with the digest of the document that was last applied: it tells that *we* want
something else now, a field taken away included. Then the values of every field that we set, in the live object:
it tells that *somebody else* changed or removed one. Fields that we do not set (defaults, other managers') do not
count, as they do not in server-side apply. Entries of lists are matched by the key by which the API server merges
them; quantities by their amount, for the server writes 0.5 as 500m.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from dcp_operator.children.merge import identity, merge_keys
from dcp_operator.ground.names import APPLIED_ANNOTATION
from dcp_pipeline.spec.checking.pod_checks import amount

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
_MISSING = object()


def stamped(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the digest of itself as annotation: what is sent."""
    metadata = document["metadata"]
    annotations = {**metadata.get("annotations", {}), APPLIED_ANNOTATION: digest(document)}
    return {**document, "metadata": {**metadata, "annotations": annotations}}


def digest(document: Any) -> str:
    """16 hex characters that differ where the documents do."""
    return hashlib.blake2b(json.dumps(document, sort_keys=True).encode(), digest_size=8).hexdigest()


def difference(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> str | None:
    """Where `live` is not what `wanted` says, in words; None where it is."""
    applied = (live["metadata"].get("annotations") or {}).get(APPLIED_ANNOTATION)
    if applied != digest(wanted):
        return "it is to be otherwise now" if applied else "it was not applied by this operator"
    place = _first_difference(wanted, live, "")
    return f"{place} was changed" if place else None


def projection(wanted: Any, live: Any, field: str = "") -> Any:
    """The part of `live` that `wanted` speaks of. `field` is the name under which the two stand."""
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        return {key: projection(value, live[key], key) for key, value in wanted.items() if key in live}
    if isinstance(wanted, list) and isinstance(live, list):
        return [projection(one, other) for one, other in _pairs(wanted, live, field) if other is not _MISSING]
    return live


def _first_difference(wanted: Any, live: Any, place: str, field: str = "") -> str | None:
    if isinstance(wanted, Mapping):
        if not isinstance(live, Mapping):
            return None if live is _MISSING and not wanted else place
        steps = ((wanted[key], live.get(key, _MISSING), f"{place}.{key}" if place else key, key) for key in wanted)
    elif isinstance(wanted, list):
        if live is _MISSING and not wanted:
            return None
        if not isinstance(live, list) or (merge_keys(field, wanted) is None and len(wanted) != len(live)):
            return place
        steps = ((one, other, f"{place}[{n}]", "") for n, (one, other) in enumerate(_pairs(wanted, live, field)))
    else:
        return None if _same(wanted, live) else place
    return next((found for each in steps if (found := _first_difference(*each))), None)


def _pairs(wanted: list[Any], live: list[Any], field: str) -> list[tuple[Any, Any]]:
    keys = merge_keys(field, wanted)
    if keys is None:
        return [(each, live[n] if n < len(live) else _MISSING) for n, each in enumerate(wanted)]
    there = {identity(each, keys): each for each in live if isinstance(each, Mapping)}
    return [(each, there.get(identity(each, keys), _MISSING)) for each in wanted]


def _same(wanted: Any, live: Any) -> bool:
    if wanted is None or wanted == live:
        return True
    if live is _MISSING:
        return wanted in ("", False, 0)
    amounts = _amount(wanted), _amount(live)
    return amounts[0] is not None and amounts[0] == amounts[1]


def _amount(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    return amount(value) if _QUANTITY.fullmatch(str(value)) else None
