"""A document laid over another: what `extends` means. Pure."""

from __future__ import annotations

from typing import Any


def merged(base: Any, over: Any) -> Any:
    """Objects are merged member by member, and null takes a member away; lists whose entries all have a name are merged
    by it, new ones come last. Anything else is replaced."""
    if isinstance(base, dict) and isinstance(over, dict):
        found = base | {key: merged(base.get(key, {}), value) for key, value in over.items()}
        return {key: value for key, value in found.items() if value is not None}
    if _named(base) and _named(over):
        by_name = {each["name"]: each for each in over}
        kept = [merged(each, by_name[each["name"]]) if each["name"] in by_name else each for each in base]
        known = {each["name"] for each in base}
        return [*kept, *(each for each in over if each["name"] not in known)]
    return over


def _named(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, dict) and isinstance(each.get("name"), str) for each in value)
    )
