"""The draft: a spec made of what was seen, and its YAML with comments that say how sure each part is. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from dcp_cli.infer.columns import Guess
from dcp_cli.infer.layout import Layout
from dcp_pipeline.spec.model import API_VERSION, KIND

_IDENTIFIER_CHARS = 64
_PREFACE = (
    "# Drafted by `dcp infer` from the beginning of the file: a start, to be edited. Then:",
    "#   dcp validate SPEC; dcp preview SPEC; dcp run SPEC --once",
)
_ENOUGH = 10


@dataclass(frozen=True)
class Draft:
    """A spec, and for people what was seen of its format, its fields (by name) and its key."""

    document: dict[str, Any]
    format_seen: tuple[str, ...]
    fields_seen: dict[str, str]
    key_seen: str
    tried: tuple[str, ...]
    """What came of it when it was tried."""
    addresses: tuple[str, ...]


def draft_of(
    name: str, source: dict[str, Any], layout: Layout, guesses: Sequence[Guess], missing: Sequence[str]
) -> Draft:
    """The spec of one source."""
    names = _names([guess.label for guess in guesses])
    fields = [_field(field, guess) for field, guess in zip(names, guesses, strict=True)]
    key, seen = _key(names, guesses)
    if layout.log and not layout.words.get("encoding", "utf-8").startswith("utf-16"):
        (kind,) = source
        source = {kind: {**source[kind], "growth": "append"}}
        key, seen = [], "lines of a log may be equal and are two: each counts, by where it stands (growth: append)"
    document = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name},
        "spec": {
            "sources": [{"name": "feed", **source, "format": layout.words}],
            "cleaning": {"fields": fields, "missingValues": list(missing), **({"unique": key} if key else {})},
        },
    }
    notes = {field: guess.seen for field, guess in zip(names, guesses, strict=True)}
    addresses = tuple(field["name"] for field in fields if field["type"] == "ip")
    return Draft(document, tuple(layout.seen), notes, seen, (), addresses)


def yaml_of(draft: Draft) -> str:
    """The draft as people edit it."""
    spec = draft.document["spec"]
    source, cleaning = dict(spec["sources"][0]), spec["cleaning"]
    form = source.pop("format")
    lines = [*_PREFACE, *_block({key: draft.document[key] for key in ("apiVersion", "kind", "metadata")})]
    lines += ["spec:", "  sources:", *_item(source, "    ")]
    lines += [f"      # {_said(note)}" for note in draft.format_seen]
    lines += [f"      {line}" for line in _block({"format": form})]
    lines += ["  cleaning:", "    fields:"]
    for field in cleaning["fields"]:
        lines += [f"      # {_said(draft.fields_seen[field['name']])}", f"      - {_flow(field)}"]
    lines += [f"    missingValues: {_flow(cleaning['missingValues'])}"]
    lines += [f"    # {_said(draft.key_seen)}"]
    lines += [f"    unique: {_flow(cleaning['unique'])}"] if "unique" in cleaning else []
    tried = [f"# {_said(each)}" for each in draft.tried]
    return "\n".join(lines + _geography(draft.addresses) + tried) + "\n"


def _geography(addresses: Sequence[str]) -> list[str]:
    if not addresses:
        return []
    target = f"{addresses[0]}_country"
    field = {"name": target, "type": "string", "constraints": {"maxLength": 2}}
    step = {"from": addresses[0], "database": {"path": "country.mmdb"}, "fields": {target: "country_code"}}
    return [
        f"    # Where the address in {addresses[0]} is, from an MMDB database. Another field, and below `cleaning`:",
        f"    #   - {_flow(field)}",
        f"    # enrich: [{_flow({'geoip': step})}]",
    ]


def _block(part: dict[str, Any]) -> list[str]:
    return yaml.safe_dump(part, sort_keys=False, allow_unicode=True, width=1000).rstrip("\n").split("\n")


def _item(part: dict[str, Any], indent: str) -> list[str]:
    first, *others = _block(part)
    return [f"{indent}- {first}", *(f"{indent}  {line}" for line in others)]


def _flow(part: Any) -> str:
    return yaml.safe_dump(part, sort_keys=False, allow_unicode=True, width=100_000, default_flow_style=True).strip()


def _said(text: str) -> str:
    return re.sub(r"[^\w\s.,;:!?'\"()/%+*=<>@\[\]{}|&#~^$\\-]|\s+", " ", text)[:200]


def _names(labels: Sequence[str]) -> list[str]:
    names: list[str] = []
    for number, label in enumerate(labels):
        composed = unicodedata.normalize("NFC", label)
        letters = "".join(each if f"_{each}".isidentifier() else "_" for each in composed)
        name = re.sub(r"_+", "_", letters).strip("_").lower() or f"col{number + 1}"
        name = (name if name[0].isalpha() else f"f_{name}").removeprefix("_")[: _IDENTIFIER_CHARS - 4]
        base, again = name, 2
        while name in names:
            name, again = f"{base}_{again}", again + 1
        names.append(name)
    return names


def _field(name: str, guess: Guess) -> dict[str, Any]:
    words = dict(guess.words)
    constraints = words.pop("constraints", None)
    source = {} if guess.label == name else {"from": guess.label}
    return {"name": name, **source, **words, **({"constraints": constraints} if constraints else {})}


_IDENTITY = re.compile(
    r"(?:^|[_\W])(?:u?u?id|guid|key|hash|md5|sha1|sha256|sha512|imphash|number|nr|no)$", re.IGNORECASE
)


def _key(names: Sequence[str], guesses: Sequence[Guess]) -> tuple[list[str], str]:
    """A field whose label means identity and which is different in each record of the sample; else all fields.

    What merely happens to be different in a sample loses the records that come later and are not.
    """
    rows = len(guesses[0].values) if guesses else 0
    for name, guess in zip(names, guesses, strict=True):
        camel = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", guess.label)
        if rows >= _ENOUGH and _IDENTITY.search(camel) and len(set(guess.values)) == rows and None not in guess.values:
            return [
                name
            ], f"{name} means identity, and is different in each of {rows} records of the sample; is it in all?"
    return list(names), "no label means identity: records that are equal in all fields are duplicates"
