"""Text from outside, for a terminal: what would steer it is shown and does nothing.

A feed's bytes come back in previews, rejects, errors and logs. An escape sequence in them could move the cursor, change
what stands on the screen or the window's title, and a mark of direction could have a line read otherwise than it is.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_STEERS = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line feed, DEL, C1
    r"\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff"  # line ends of Unicode's, directions, nothing at all
    r"\ud800-\udfff"  # half characters, which no terminal's encoding has
)
_IN_TEXT = re.compile(f"[{_STEERS}]")
_IN_CELL = re.compile(f"[{_STEERS}\t\n]")
_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


_URI = re.compile(r"\b(file|https?)://[^\s\"'<>]+")
_ESCAPES = re.compile("(?:%[0-9A-Fa-f]{2})+")
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")


def readable(text: str) -> str:
    """A text with the names in its URIs as people read them, in any script: 数据.csv, not %E6%95%B0%E6%8D%AE.csv.

    Of a web address only what is beyond ASCII, and blanks: the rest may have a meaning there. For people only.
    """
    return _URI.sub(_read, text) if "%" in text else text


def _read(uri: re.Match[str]) -> str:
    return _ESCAPES.sub(lambda run: _decoded(run[0], is_path=uri[1] == "file"), uri[0])


def _decoded(run: str, is_path: bool) -> str:
    try:
        text = unquote_to_bytes(run).decode()
    except UnicodeDecodeError:
        return run
    if is_path:
        return text if text.isprintable() else run
    escapes = iter(_ESCAPE.findall(run))
    found = []
    for character in text:
        own = "".join(next(escapes) for _ in character.encode())
        found.append(character if character == " " or (character > "\x7f" and character.isprintable()) else own)
    return "".join(found)


def printable(text: str) -> str:
    """A text of several lines, each as it is but for what would steer the terminal: that is written as \\x1b."""
    return _IN_TEXT.sub(_written, text)


def printable_cell(text: str) -> str:
    """The same as one line: line ends and tabs are written too."""
    return _IN_CELL.sub(_written, text)


def printable_json(text: str) -> str:
    """A JSON text that steers nothing and means the same."""
    return _IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _written(found: re.Match[str]) -> str:
    code = ord(found[0])
    return _SHORT.get(found[0]) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
