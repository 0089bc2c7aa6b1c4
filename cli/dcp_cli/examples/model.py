"""Examples as they are written: a document of their own, in the spec's file or beside it (SPEC.examples.yaml)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from dcp_pipeline.spec.errors import SpecInvalid, SpecProblem
from dcp_pipeline.spec.model import Format, Pipeline
from dcp_pipeline.spec.yaml_text import YamlError, yaml_documents

KIND = "Examples"
_DELIMITERS = {"csv": ",", "tsv": "\t"}


class Refused(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a record is to be refused; what is not given is not compared."""

    code: str | None = None
    field: str | None = None
    reason: str | None = None
    """A part of it."""


class Example(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"given": "in"}):
    """A record, or several, and what is to become of them: exactly one of out, reject and dropped."""

    given: str | dict[str, Any] | list[dict[str, Any]]
    """As it stands in a file; or labels with their values."""
    name: str = ""
    source: str | None = None
    out: dict[str, Any] | list[dict[str, Any]] | None = None
    """The rows; fields that are not named are not compared."""
    reject: Refused | None = None
    dropped: str | None = None
    """filtered or duplicate: of the last record."""


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The document."""

    kind: str
    examples: list[Example]
    source: str | None = None
    """Of examples that name none; the spec's only source by default."""
    header: str | None = None
    """Put before each text that is given; without it, texts begin with the header if the format has one."""


def load_examples(spec: Path, pipeline: Pipeline) -> list[tuple[Document, Example]]:
    """All examples of a spec. Raises SpecInvalid, naming each problem; none where there are none."""
    beside = spec.with_suffix(".examples.yaml")
    found: list[tuple[Document, Example]] = []
    for path in (spec, *([beside] if beside.is_file() else [])):
        for n, document in enumerate(_documents(path, own=path == beside)):
            found += [(document, each) for each in document.examples]
            problems = list(_problems(document, pipeline))
            if problems:
                raise SpecInvalid(problems, f"{path} (examples {n + 1})")
    return found


def _documents(path: Path, own: bool) -> list[Document]:
    try:
        parsed = yaml_documents(path.read_text(encoding="utf-8-sig"))
        wanted = [each for each in parsed if isinstance(each, dict) and (own or each.get("kind") == KIND)]
        return [msgspec.convert(each, Document) for each in wanted]
    except (OSError, UnicodeDecodeError, YamlError, msgspec.ValidationError) as error:
        raise SpecInvalid([SpecProblem("examples", str(error))], str(path)) from error


def _problems(document: Document, pipeline: Pipeline) -> list[SpecProblem]:
    sources = [each.name for each in pipeline.spec.sources]
    fields = {each.name for each in pipeline.spec.cleaning.columns}
    problems = []
    for n, each in enumerate(document.examples):
        at = f"examples[{n}]"
        if sum(wanted is not None for wanted in (each.out, each.reject, each.dropped)) != 1:
            problems.append(SpecProblem(at, "exactly one of out, reject and dropped is wanted"))
        if each.dropped not in (None, "filtered", "duplicate"):
            problems.append(SpecProblem(f"{at}.dropped", "filtered or duplicate is wanted"))
        name = each.source or document.source
        if name is None and len(sources) > 1:
            problems.append(SpecProblem(f"{at}.source", f"one of {', '.join(sources)} is wanted"))
        if name is not None and name not in sources:
            problems.append(SpecProblem(f"{at}.source", f"{name!r} is no source; sources: {', '.join(sources)}"))
        for row in rows_wanted(each):
            unknown = sorted(set(row) - fields)
            if unknown:
                problems.append(SpecProblem(f"{at}.out", f"{', '.join(unknown)}: no such fields in the spec"))
    return problems


def rows_wanted(example: Example) -> Sequence[Mapping[str, Any]]:
    """The rows that an example wants, as a list."""
    if example.out is None:
        return []
    return example.out if isinstance(example.out, list) else [example.out]


def served(document: Document, example: Example, form: Format) -> bytes:
    """The bytes of a file that holds an example's records. Raises ValueError where the format needs a text."""
    if isinstance(example.given, str):
        text = example.given if example.given.endswith("\n") else f"{example.given}\n"
        return ((f"{document.header.rstrip()}\n" if document.header else "") + text).encode(form.encoding)
    records = example.given if isinstance(example.given, list) else [example.given]
    if form.type in ("ndjson", "json"):
        return "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in records).encode()
    if form.type not in _DELIMITERS:
        raise ValueError(f"format {form.type} has no labels to write by: give `in` as a text, as in the file")
    labels = list(dict.fromkeys(label for each in records for label in each))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=form.delimiter or _DELIMITERS[form.type], lineterminator="\n")
    writer.writerows([labels, *([_cell(each.get(label)) for label in labels] for each in records)])
    return out.getvalue().encode(form.encoding)


def _cell(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
