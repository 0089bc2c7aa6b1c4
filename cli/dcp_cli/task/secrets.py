"""The last line of defence for what is left behind: no value of a mounted Secret stands in it."""

from __future__ import annotations

from pathlib import Path

from dcp_pipeline.secrets import hidden


def without_secrets(text: str, folder: str | None) -> str:
    """The text, less what the files below the folder hold, as it is and as JSON writes it."""
    if not folder:
        return text
    return hidden(text, {each.read_text(errors="ignore").strip() for each in Path(folder).rglob("*") if each.is_file()})
