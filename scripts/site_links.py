"""Links of docs/ that lead out of it (to code, examples, the README) have no page on the site: they become text.

A hook of mkdocs (mkdocs.yml). A link to a file that is not there fails the strict build, as one between pages does.
"""

from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path
from typing import Any

log = logging.getLogger("mkdocs.plugins.site_links")
ROOT = Path(__file__).resolve().parent.parent
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(((?:\.\./)+[^)#\s]*)(?:#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """mkdocs calls it with the text of each page."""

    def as_text(link: re.Match[str]) -> str:
        text, target = link.groups()
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page.file.src_uri), target))
        if path.startswith("docs/"):
            return link.group(0)
        if not (ROOT / path).exists():
            log.warning("%s links to %s, which is not there", page.file.src_uri, path)
        return f"{text} (`{path}`)" if text.strip("`") not in path else f"`{path}`"

    return _LINK.sub(as_text, markdown)
