"""The last line of defence for what is left behind: no value of a mounted Secret stands in it."""

from __future__ import annotations

import json
from pathlib import Path

LEAST_CHARS = 4
"""Of a value that is hidden: a shorter one stands in every text."""


def without_secrets(text: str, folder: str | None) -> str:
    """The text, less what the files below the folder hold, as it is and as JSON writes it."""
    values = (
        {each.read_text(errors="ignore").strip() for each in Path(folder).rglob("*") if each.is_file()}
        if folder
        else set()
    )
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= LEAST_CHARS:
            for form in (value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
                text = text.replace(form, "***")
    return text
