"""From YAML to a Pipeline: the edge at which a document becomes frozen, typed values.

The happy path is msgspec alone. Only when it refuses a document is the JSON Schema consulted, to name everything
that is wrong at once. What types cannot say is in checks.py.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from dcp_pipeline.spec.bounds import MAX_CHARS, check_size
from dcp_pipeline.spec.checking.checks import problems_of
from dcp_pipeline.spec.checking.pod_checks import pod_problems
from dcp_pipeline.spec.errors import Place, SpecInvalid, SpecProblem, path_of
from dcp_pipeline.spec.expectations.expect import PERCENT_PATTERN
from dcp_pipeline.spec.model import API_VERSION, EARLIER_API_VERSION, KIND, Pipeline
from dcp_pipeline.spec.units import decode_unit
from dcp_pipeline.texts import without_credentials

if TYPE_CHECKING:
    from dcp_pipeline.spec.composing.variables import Resolved

_NOTHING: Mapping[str, str] = MappingProxyType({})
_VARIABLE = "${env:"
_COMPOSING = (_VARIABLE, "extends")
_MOST_BYTES = 4 * MAX_CHARS
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def load_pipeline(
    path: Path | str, environment: Mapping[str, str] = _NOTHING, settings: Sequence[str] = ()
) -> Pipeline:
    """The pipeline of a YAML (or JSON) file, composed of what it extends, `--set path=value` and variables.

    Raises SpecInvalid, naming file, path and problem.
    """
    return load_composed(path, environment, settings).pipeline


class Composition(msgspec.Struct, frozen=True):
    """A pipeline, and what it was made of."""

    pipeline: Pipeline
    files: tuple[Path, ...]
    secret: tuple[str, ...] = ()
    """What variables stood for whose names say that it is secret."""


def load_composed(path: Path | str, environment: Mapping[str, str], settings: Sequence[str]) -> Composition:
    """As load_pipeline, and what it was made of."""
    text = _read(path)
    if not settings and not any(word in text for word in _COMPOSING):
        return Composition(parse_pipeline(text, origin=str(path)), (Path(path),))
    # Here, since few specs have a use for it, and none in a pod.
    from dcp_pipeline.spec.composing.compose import compose

    def read(other: Path) -> Any:
        if not other.is_file():
            # What gives no end (a device, a pipe) would keep whoever looks at it, with all other pipelines.
            raise SpecInvalid([SpecProblem("the document", "cannot be read: there is no such file")], str(other))
        return _one_document(_read(other), str(other))

    composed = compose(_one_document(text, str(path)), Path(path), read, environment, settings)
    pipeline = _forgiving(composed.resolved, str(path))
    return Composition(pipeline, composed.files, composed.resolved.secret)


def _forgiving(found: Resolved, origin: str) -> Pipeline:
    """Where a text is wanted, a variable's digits are one. No problem shows what a variable holds."""
    from dcp_pipeline.spec.composing.variables import as_texts

    try:
        return pipeline_of(found.document, origin, composed=True)
    except SpecInvalid as error:
        problems = error.problems
    texts = {each.path: found.typed[each.path] for each in problems if each.path in found.typed}
    try:
        if texts:
            return pipeline_of(as_texts(found.document, texts), origin, composed=True)
    except SpecInvalid as error:
        problems = error.problems
    raise SpecInvalid([found.hidden(each) for each in problems], origin)


def _read(path: Path | str) -> str:
    try:
        with Path(path).open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise ValueError(f"it has more than {_MOST_BYTES} bytes")
        return text.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise SpecInvalid([SpecProblem("the document", f"cannot be read: {why}")], str(path)) from error


def parse_pipeline(text: str, origin: str = "") -> Pipeline:
    """The pipeline of a YAML text (or JSON, which is YAML too) with exactly one document."""
    return pipeline_of(_one_document(text, origin), origin)


def _one_document(text: str, origin: str) -> Any:
    documents = _documents(text, origin)
    pipelines = [each for each in documents if isinstance(each, dict) and each.get("kind") == KIND]
    if len(documents) > 1 and len(pipelines) == 1:
        documents = pipelines
    if len(documents) != 1:
        found = f"holds {len(documents)} documents"
        raise SpecInvalid([SpecProblem("the document", f"{found}; exactly one {KIND} is wanted")], origin)
    return documents[0]


def _documents(text: str, origin: str) -> list[Any]:
    """JSON is what the operator gives its pods, for to read YAML is a thirtieth of a worker's start: to import its
    reader, and then to read."""
    if text.startswith("{") and len(text) <= MAX_CHARS:
        try:
            found = [json.loads(text, object_pairs_hook=_each_key_once)]
            check_size(found)
            return found
        except (ValueError, RecursionError):
            pass  # YAML may begin with a brace, and its reader names the line
    from dcp_pipeline.spec.yaml_text import YamlError, yaml_documents

    try:
        return yaml_documents(text)
    except YamlError as error:
        raise SpecInvalid([SpecProblem("the document", f"is no YAML: {_one_line(error)}")], origin) from error


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands here twice")
    return found


def pipeline_of(document: Any, origin: str = "", composed: bool = False) -> Pipeline:
    """The pipeline of a decoded document (as the Kubernetes API returns it). `composed`: variables have been put in.

    Raises SpecInvalid with every problem found.
    """
    try:
        check_size([document])
    except ValueError as error:
        raise SpecInvalid([SpecProblem("the document", str(error))], origin) from error
    try:
        pipeline = msgspec.convert(document, Pipeline, dec_hook=decode_unit)
    except (msgspec.ValidationError, ValueError) as error:
        raise SpecInvalid([*_unresolved(document, composed)] or _explain(document, error), origin) from error
    problems = [*_no_text(document, "")] or [*problems_of(pipeline), *pod_problems(pipeline.spec, _explain_part)]
    if problems:
        raise SpecInvalid(problems, origin)
    return pipeline


def _unresolved(document: Any, composed: bool) -> Iterable[SpecProblem]:
    if composed:
        return ()
    if isinstance(document, dict) and "extends" in document:
        return [SpecProblem("extends", "is for `dcp` and files; for a cluster let kustomize or Helm put them together")]
    if not any(_VARIABLE in text for text in _texts(document)):
        return ()
    from dcp_pipeline.spec.composing.variables import unresolved

    return unresolved(document)


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for each in node.values() if isinstance(node, dict) else node:
            yield from _texts(each)


def _no_text(node: Any, place: str) -> Iterator[SpecProblem]:
    """Half of a surrogate pair is no character: nothing that takes UTF-8 takes it."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _no_text(value, f"{place}.{key}" if place else str(key))
    elif isinstance(node, list):
        for number, each in enumerate(node):
            yield from _no_text(each, f"{place}[{number}]")
    elif isinstance(node, str) and _SURROGATE.search(node):
        yield SpecProblem(place, f"is {node!a}, which holds half of a character (a lone surrogate)")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _explain(document: Any, error: Exception) -> list[SpecProblem]:
    """Every problem that the schema sees; what msgspec said where the schema sees none."""
    from dcp_pipeline.spec.schema import json_schema

    if isinstance(document, dict) and document.get("apiVersion") not in (None, API_VERSION, EARLIER_API_VERSION):
        found = document["apiVersion"]
        return [SpecProblem("apiVersion", f"is {found!r}; this release reads {API_VERSION!r}")]
    return _by_schema(document, json_schema(), ()) or [_as_msgspec_says(_one_line(error))]


def _explain_part(value: Any, wanted: type, place: Place, message: str) -> list[SpecProblem]:
    """The same for a part that stands at `place`."""
    from dcp_pipeline.spec.schema import schema_of

    said = _as_msgspec_says(_one_line(ValueError(message)))
    below = "" if said.path == "the document" else f".{said.path}"
    return _by_schema(value, schema_of(wanted), place) or [SpecProblem(path_of(place) + below, said.message)]


def _by_schema(document: Any, schema: dict[str, Any], place: Place) -> list[SpecProblem]:
    from jsonschema import Draft202012Validator

    found = sorted(Draft202012Validator(schema).iter_errors(document), key=lambda each: [str(s) for s in each.path])
    return [problem for each in found for problem in _problems(each, place)]


def _as_msgspec_says(message: str) -> SpecProblem:
    """Its message names the place last: ... - at `$.spec.cleaning.filter[0].drop.not`."""
    found = re.fullmatch(r"(.*) - at `\$\.?(.*)`", message)
    return SpecProblem(found[2] or "the document", found[1]) if found else SpecProblem("the document", message)


def _problems(error: Any, before: Place) -> list[SpecProblem]:
    """One schema error in words; what was looked at stands at `before`."""
    place = [*before, *error.absolute_path]
    found, allowed = error.instance, error.validator_value
    match error.validator:
        case "additionalProperties":
            known = sorted(error.schema["properties"])
            return [
                SpecProblem(path_of([*place, key]), f"is not a known field; {_suggest(key, known)}")
                for key in sorted(set(found) - set(known))
            ]
        case "required":
            absent = [key for key in allowed if key not in found]
            return [
                SpecProblem(path_of([*place, key]), "is required and missing")
                for key in absent
                if f"'{key}'" in error.message
            ]
        case "enum" | "const":
            choices = allowed if error.validator == "enum" else [allowed]
            message = f"is {found!r}; allowed: {', '.join(map(str, choices))}"
            return [SpecProblem(path_of(place), message + _closest(found, choices))]
        case "type":
            wanted = " or ".join(allowed) if isinstance(allowed, list) else allowed
            hint = _pattern_hint(error.schema, pattern) if (pattern := _pattern_in(error.schema)) else ""
            return [SpecProblem(path_of(place), f"is {_shown(found)}; {hint or f'{_article(wanted)} is wanted'}")]
        case "pattern" if (words := re.fullmatch(r"\^\(([A-Za-z|]+)\)\$", allowed)) is not None:
            choices = words[1].split("|")
            message = f"is {found!r}; allowed: {', '.join(choices)}, or an object with one member"
            return [SpecProblem(path_of(place), message + _closest(found, choices))]
        case "pattern":
            return [SpecProblem(path_of(place), f"is {_shown(found)}; {_pattern_hint(error.schema, allowed)}")]
        case "minimum" | "maximum":
            word = "least" if error.validator == "minimum" else "greatest"
            return [SpecProblem(path_of(place), f"is {found!r}; the {word} allowed is {allowed}")]
        case "minLength" | "maxLength" | "minItems" | "maxItems":
            word = "at least" if error.validator.startswith("min") else "at most"
            unit = "characters" if "Length" in error.validator else "entries"
            return [SpecProblem(path_of(place), f"has {len(found)} {unit}; {word} {allowed} allowed")]
    return [SpecProblem(path_of(place), str(error.message))]


def _suggest(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    folded = [each for each in known if each.lower() == key.lower().replace("_", "").replace("-", "")]
    best = folded or close
    return f"did you mean {best[0]!r}?" if best else f"known here: {', '.join(known)}"


def _closest(found: Any, choices: list[Any]) -> str:
    close = difflib.get_close_matches(str(found), [str(each) for each in choices], n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _shown(value: Any) -> str:
    text = "null" if value is None else repr(without_credentials(value) if isinstance(value, str) else value)
    return text if len(text) <= 80 else text[:77] + "..."


def _article(wanted: str) -> str:
    return f"an {wanted}" if wanted[0] in "aeiou" else f"a {wanted}"


def _pattern_in(schema: dict[str, Any]) -> str:
    """That of a percentage, which people write as a number."""
    pattern = str(schema.get("pattern", ""))
    return pattern if pattern == PERCENT_PATTERN else ""


def _pattern_hint(schema: dict[str, Any], pattern: str) -> str:
    if pattern == PERCENT_PATTERN:
        return "a percentage with its sign is wanted, such as 5%"
    if pattern.endswith("(ms|s|m|h|d))+$"):
        return "a duration such as 30s, 5m or 1h30m is wanted"
    if pattern.endswith("Pi)?$"):
        return "a quantity such as 512Ki, 256Mi or 1G is wanted"
    if pattern.endswith("[eE][+-]?[0-9]+)?$"):
        return "a quantity such as 500m, 256Mi or 2 is wanted"
    if "@" in pattern:
        return "a URL without user or password in it is wanted (credentials go into Secrets)"
    description = schema.get("description", "")
    return f"it must match {pattern}" + (f" ({description})" if description else "")
