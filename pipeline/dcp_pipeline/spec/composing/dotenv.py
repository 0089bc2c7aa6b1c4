"""`.env` beside a spec: variables for those that the environment does not have. Pure but for the reading."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from dcp_pipeline.errors import in_words
from dcp_pipeline.spec.errors import SpecInvalid, SpecProblem

NAME = ".env"
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")
_DOUBLE = {r"\n": "\n", r"\t": "\t", r"\"": '"', r"\\": "\\", r"\$": "$"}


def with_dotenv(folder: Path, environment: Mapping[str, str]) -> Mapping[str, str]:
    """The environment, and below it what the folder's `.env` says. Raises SpecInvalid naming the line."""
    path = folder / NAME
    if not path.is_file():
        return environment
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecInvalid([SpecProblem("the document", f"cannot be read: {in_words(error)}")], str(path)) from error
    return {**variables_in(text, str(path)), **environment}


def variables_in(text: str, origin: str) -> dict[str, str]:
    """NAME=value a line; quotes around a value go, ` #` begins a comment behind one that has none. No value is
    ever shown.

    Raises SpecInvalid.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        value = _value(match[2]) if match else None
        if match is None or value is None:
            why = "is no NAME=value" if match is None else f"{match[1]}: its quote is not closed on this line"
            raise SpecInvalid([SpecProblem(f"line {number}", why)], origin)
        found[match[1]] = value
    return found


def _value(text: str) -> str | None:
    quote = text[:1]
    if quote not in ("'", '"'):
        return text.partition(" #")[0].rstrip()
    inside = r"'([^']*)'" if quote == "'" else r'"((?:[^"\\]|\\.)*)"'
    match = re.fullmatch(inside + r"(?:\s+#.*)?", text)
    if match is None:
        return None
    return match[1] if quote == "'" else re.sub(r'\\[nt"\\$]', lambda each: _DOUBLE[each[0]], match[1])
