"""Singular JSONPath (RFC 9535): $.name, $['any name'] and $[0]; the value as it is written in the text."""

from __future__ import annotations

import re

import msgspec

from dcp_worker.ground.errors import PlanError

Path = tuple[str | int, ...]

_STEP = re.compile(
    r"""\.(?P<name>[^\W\d][\w-]*) | \[(?P<index>-?[0-9]+)\] | \['(?P<single>[^']*)'\] | \["(?P<double>[^"]*)"\]""",
    re.VERBOSE,
)
_RAW = msgspec.json.Decoder(msgspec.Raw)
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)


def parse_path(path: str, setting: str) -> Path:
    """The names and positions of a path.

    Raises PlanError naming `setting` where it is no such path.
    """
    steps: list[str | int] = []
    at = 1
    while path.startswith("$") and at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            break
        at = found.end()
        kind = found.lastgroup or ""
        steps.append(int(found[kind]) if kind == "index" else found[kind])
    if not path.startswith("$") or at < len(path):
        raise PlanError(setting, f"{path!r} is no path such as $.client['first name'].phones[0]")
    return tuple(steps)


def value_at(text: str, path: Path) -> str | None:
    """The value: strings without quotes and escapes, all else as written; None where there is none, or null.

    A string with a NUL is no value: no database takes one.
    """
    value: bytes | msgspec.Raw = text.encode()
    try:
        for step in path:
            value = _OBJECT.decode(value)[step] if isinstance(step, str) else _ARRAY.decode(value)[step]
        raw = bytes(_RAW.decode(value)).strip()
        found = _TEXT.decode(raw) if raw.startswith(b'"') else raw.decode()
    except (msgspec.DecodeError, KeyError, IndexError, RecursionError, UnicodeError):
        return None
    return None if raw == b"null" or "\0" in found else found
