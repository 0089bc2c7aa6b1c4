"""A small strategic merge: how a pod template's additions are laid over what the operator builds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_KEYS = ("mountPath", "name", "topologyKey")
"""By which the entries of a list are told apart, the first that all of them have. Of mounts it is the path, as for the
API server: one volume may be mounted twice."""


def merged(base: Any, addition: Any) -> Any:
    """Mappings are merged by key, lists of named entries by name, other lists are appended to; else the addition
    wins. A None takes the base's value away from a mapping."""
    if isinstance(base, Mapping) and isinstance(addition, Mapping):
        both = {**base, **{key: merged(base[key], value) if key in base else value for key, value in addition.items()}}
        return {key: value for key, value in both.items() if value is not None}
    if isinstance(base, list) and isinstance(addition, list):
        return _merged_lists(base, addition)
    return addition


def merge_key(items: Sequence[Any]) -> str | None:
    """The key by which these entries are told apart; None where there is none."""
    if not items or not all(isinstance(each, Mapping) for each in items):
        return None
    return next((key for key in _KEYS if all(key in each for each in items)), None)


def _merged_lists(base: list[Any], addition: list[Any]) -> list[Any]:
    key = merge_key([*base, *addition])
    if key is None:
        return [*base, *(each for each in addition if each not in base)]
    added = {each[key]: each for each in addition}
    kept = [merged(each, added.pop(each[key])) if each[key] in added else each for each in base]
    return [*kept, *added.values()]
