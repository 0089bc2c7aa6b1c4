"""A spec's document, composed: `extends` first, then `--set`, then variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcp_pipeline.spec.composing.overlay import merged
from dcp_pipeline.spec.composing.setting import SettingUnusable, with_setting
from dcp_pipeline.spec.composing.variables import Resolved, resolved
from dcp_pipeline.spec.errors import SpecInvalid, SpecProblem

EXTENDS = "extends"
_DEEPEST = 8


@dataclass(frozen=True)
class Composed:
    """The document, with what its variables stood for, and the files that it came from."""

    resolved: Resolved
    files: tuple[Path, ...]


def compose(
    document: Any, path: Path, read: Callable[[Path], Any], environment: Mapping[str, str], settings: Sequence[str]
) -> Composed:
    """One document; `read` decodes another file.

    Raises SpecInvalid with everything that is wrong.
    """
    whole, files = _extended(document, path, read, environment, (path,))
    problems: list[SpecProblem] = []
    for each in settings:
        try:
            whole = with_setting(whole, each)
        except SettingUnusable as error:
            problems.append(error.problem)
    found = resolved(whole, environment)
    if problems or found.problems:
        raise SpecInvalid([*problems, *found.problems], str(path))
    return Composed(found, files)


def _extended(
    document: Any, path: Path, read: Callable[[Path], Any], environment: Mapping[str, str], files: tuple[Path, ...]
) -> tuple[Any, tuple[Path, ...]]:
    if not isinstance(document, dict) or EXTENDS not in document:
        return document, files
    found = resolved(document[EXTENDS], environment)
    if found.problems or not isinstance(found.document, str):
        raise SpecInvalid(found.problems or [SpecProblem(EXTENDS, "is no file's name")], str(path))
    if "\0" in found.document:
        raise SpecInvalid([SpecProblem(EXTENDS, "is no file's name: it holds a NUL")], str(path))
    base = path.parent / found.document
    if base.resolve() in {each.resolve() for each in files}:
        raise SpecInvalid([SpecProblem(EXTENDS, f"{base} extends itself")], str(path))
    if len(files) >= _DEEPEST:
        raise SpecInvalid([SpecProblem(EXTENDS, f"more than {_DEEPEST} files deep")], str(path))
    below, files = _extended(read(base), base, read, environment, (*files, base))
    if not isinstance(below, dict):
        raise SpecInvalid([SpecProblem(EXTENDS, f"{base} is no document with fields")], str(path))
    return merged(below, {key: value for key, value in document.items() if key != EXTENDS}), files
