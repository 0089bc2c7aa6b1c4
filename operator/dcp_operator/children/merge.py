"""A small strategic merge: how a pod template's additions are laid over what the operator builds.

Entries of a list are told apart by the keys by which the API server tells them apart (`x-kubernetes-list-map-keys`):
one volume may be mounted at several paths, one port be there for TCP and UDP. A list without keys is atomic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Keys = tuple[str, ...]
_KEYS: Mapping[str, Keys] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "ownerReferences": ("uid",),
}
_PORTS: Mapping[str, Keys] = {"containerPort": ("containerPort", "protocol"), "targetPort": ("port", "protocol")}
"""Those of a container and of a Service, by what each of them has; a NetworkPolicy's are atomic."""
_PROTOCOL = "TCP"
"""Of a port that names none."""


def merged(base: Any, addition: Any, field: str = "") -> Any:
    """Mappings are merged by key, lists that have keys by those; else the addition wins. A None takes the base's value
    away from a mapping. `field` is the name under which the two stand."""
    if isinstance(base, Mapping) and isinstance(addition, Mapping):
        over = {key: merged(base[key], value, key) if key in base else value for key, value in addition.items()}
        return {key: value for key, value in {**base, **over}.items() if value is not None}
    if isinstance(base, list) and isinstance(addition, list) and (keys := merge_keys(field, [*base, *addition])):
        return _merged_lists(base, addition, keys)
    return addition


def merge_keys(field: str, items: Sequence[Any]) -> Keys | None:
    """The keys by which the entries of the list under `field` are told apart; None where it is atomic."""
    if not all(isinstance(each, Mapping) for each in items):
        return None
    if field == "ports":
        return next((keys for mark, keys in _PORTS.items() if all(mark in each for each in items)), None)
    keys = _KEYS.get(field)
    return keys if keys and all(keys[0] in each for each in items) else None


def identity(entry: Mapping[str, Any], keys: Keys) -> tuple[Any, ...]:
    """What tells an entry apart."""
    return tuple(entry.get(key, _PROTOCOL if key == "protocol" else None) for key in keys)


def _merged_lists(base: list[Any], addition: list[Any], keys: Keys) -> list[Any]:
    added = {identity(each, keys): each for each in addition}
    kept = [merged(each, added.pop(which)) if (which := identity(each, keys)) in added else each for each in base]
    return [*kept, *added.values()]
