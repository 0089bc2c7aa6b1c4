"""`--set spec.worker.concurrency=4`: one value of a document, by its path. Pure."""

from __future__ import annotations

import re
from typing import Any

from dcp_pipeline.spec.errors import SpecProblem
from dcp_pipeline.spec.yaml_text import YamlError, yaml_documents

_STEP = re.compile(r"\.?([A-Za-z_][\w-]*)|\[([^\]]+)\]")
_ROOTS = ("spec", "metadata")
_MOST_STEPS = 32
_NUMBER = re.compile("[0-9]{1,9}")


class SettingUnusable(ValueError):
    """What --set says cannot be done."""

    def __init__(self, setting: str, why: str) -> None:
        super().__init__(why)
        self.problem = SpecProblem(f"--set {setting.partition('=')[0]}", why)


def with_setting(document: Any, setting: str) -> Any:
    """The document with one value set. A step in brackets is a number, or the name of a list's entry.

    Raises SettingUnusable.
    """
    path, equals, text = setting.partition("=")
    steps = _steps(path)
    if not equals or not steps or steps[0] not in _ROOTS:
        raise SettingUnusable(
            setting, "is no path=value such as spec.worker.concurrency=4 or spec.sources[feed].http.url=..."
        )
    try:
        values = yaml_documents(text)
    except YamlError as error:
        raise SettingUnusable(setting, f"its value is no YAML: {' '.join(str(error).split())}") from error
    return _set(document, steps, values[0] if values else None, setting)


def _steps(path: str) -> list[str | int]:
    found: list[str | int] = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None or len(found) == _MOST_STEPS:
            return []
        found.append(match[1] if match[1] else int(match[2]) if _NUMBER.fullmatch(match[2]) else f"[{match[2]}")
        at = match.end()
    return found


def _set(node: Any, steps: list[str | int], value: Any, setting: str) -> Any:
    if not steps:
        return value
    first, *rest = steps
    if isinstance(first, str) and not first.startswith("["):
        if node is not None and not isinstance(node, dict):
            raise SettingUnusable(setting, f"{first} cannot be below a value")
        before = node or {}
        return {**before, first: _set(before.get(first), rest, value, setting)}
    if not isinstance(node, list):
        raise SettingUnusable(setting, "the brackets stand behind what is no list in the spec")
    number = _index(node, first, setting)
    return [_set(each, rest, value, setting) if n == number else each for n, each in enumerate(node)]


def _index(entries: list[Any], step: str | int, setting: str) -> int:
    if isinstance(step, int):
        if step < len(entries):
            return step
        raise SettingUnusable(setting, f"there are only {len(entries)} entries")
    names = [each.get("name") if isinstance(each, dict) else None for each in entries]
    if step[1:] in names:
        return names.index(step[1:])
    raise SettingUnusable(
        setting, f"no entry is called {step[1:]}; there are: {', '.join(str(each) for each in names)}"
    )
