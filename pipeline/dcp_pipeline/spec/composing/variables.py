"""`${env:NAME}` and `${env:NAME:-default}` in the texts of a document. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dcp_pipeline.spec.errors import SpecProblem, path_of

BEGINS = "${env:"
_VARIABLE = re.compile(r"\$(\$?)\{env:([^}]*)\}")
_INSIDE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_WORDS = {"true": True, "false": False}
_SECRET = re.compile("PASSW|SECRET|TOKEN|KEY|CREDENTIAL")
_LEAST_HIDDEN = 4
"""Characters: shorter values stand in too much else."""

Place = tuple[str | int, ...]


@dataclass
class Resolved:
    """A document without variables, and what stood where."""

    document: Any
    problems: list[SpecProblem] = field(default_factory=list)
    typed: dict[str, str] = field(default_factory=dict)
    """Path -> text, where a whole value was one variable, and its text a number or a truth."""
    values: dict[str, str] = field(default_factory=dict)
    """Text -> the variable that it came from."""

    @property
    def secret(self) -> tuple[str, ...]:
        """Of the values those whose variables' names say so: they are kept out of logs."""
        return tuple(text for text, name in self.values.items() if _SECRET.search(name.upper()))

    def hidden(self, problem: SpecProblem) -> SpecProblem:
        """The problem without what variables hold: it may be secret."""
        message = problem.message
        for text, name in sorted(self.values.items(), key=lambda each: -len(each[0])):
            if len(text) >= _LEAST_HIDDEN:
                for form in (repr(text), f"{repr(text)[:77]}...", text):
                    message = message.replace(form, f"${{env:{name}}}")
        return SpecProblem(problem.path, message)


def resolved(document: Any, environment: Mapping[str, str]) -> Resolved:
    """The document with its variables put in. A whole value that is one variable may become a number or a truth."""
    found = Resolved(None)

    def put_in(value: Any, place: Place) -> Any:
        return _text(value, place, environment, found) if isinstance(value, str) and BEGINS in value else value

    found.document = _each_value(document, put_in)
    return found


def as_texts(document: Any, texts: Mapping[str, str]) -> Any:
    """The document with texts in place of what they were taken for."""
    return _each_value(document, lambda value, place: texts.get(path_of(place), value))


def unresolved(node: Any, place: Place = ()) -> Iterator[SpecProblem]:
    """Where variables stand that nobody puts in."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from unresolved(value, (*place, key))
    elif isinstance(node, list):
        for number, each in enumerate(node):
            yield from unresolved(each, (*place, number))
    elif isinstance(node, str) and BEGINS in node:
        why = "a cluster has no environment to take it from; write the value, or let kustomize or Helm put it in"
        yield SpecProblem(path_of(place), f"holds {BEGINS}...}}: {why}")


def _each_value(node: Any, change: Callable[[Any, Place], Any], place: Place = ()) -> Any:
    if isinstance(node, dict):
        return {key: _each_value(value, change, (*place, key)) for key, value in node.items()}
    if isinstance(node, list):
        return [_each_value(value, change, (*place, number)) for number, value in enumerate(node)]
    return change(node, place)


def _text(text: str, place: Place, environment: Mapping[str, str], found: Resolved) -> Any:
    def put_in(match: re.Match[str]) -> str:
        escaped, inside = match.groups()
        if escaped:
            return f"${{env:{inside}}}"
        words = _INSIDE.fullmatch(inside)
        if words is None:
            found.problems.append(SpecProblem(path_of(place), f"${{env:{inside}}}: no name of a variable"))
            return ""
        name, default = words.groups()
        value = environment.get(name) or default
        if value is None:
            told = "is not set (or empty), neither in the environment nor in .env"
            found.problems.append(
                SpecProblem(path_of(place), f"${{env:{name}}} {told}; ${{env:{name}:-default}} has a default")
            )
            return ""
        found.values[value] = name
        return value

    # Behind the last brace nothing can close: to look for one from each beginning there takes the square of the time.
    closed = text.rfind("}") + 1
    whole = _VARIABLE.fullmatch(text) if closed == len(text) else None
    put = _VARIABLE.sub(put_in, text[:closed]) + text[closed:]
    if BEGINS in text[closed:] or BEGINS in _VARIABLE.sub("", text[:closed]):
        found.problems.append(SpecProblem(path_of(place), f"{BEGINS} without its closing brace"))
    if whole and not whole[1] and (put in _WORDS or _WHOLE_NUMBER.fullmatch(put)):
        found.typed[path_of(place)] = put
        return _WORDS[put] if put in _WORDS else int(put)
    return put
