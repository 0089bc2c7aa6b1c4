"""`dcp logs`: the files of all processes as one, by the time that stands in each line."""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dcp_cli.errors import CommandFailed
from dcp_cli.shown.say import say
from dcp_cli.up.show import known_folder
from dcp_pipeline.process.exit_codes import DONE

_POLL_SECONDS = 0.2
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?")
_ERROR = re.compile(r'^\S+ \S+ (?:error|critical) |"log\.level": "(?:error|critical)"')
_AT_THE_BEGINNING = 40
_LAST_WORDS = re.compile(r"dcp: |Traceback \(most recent call last\)")
"""How a process begins to say why it ends; no moment stands before it."""


def last_words(text: str) -> str:
    """Of a log, why its process ended: all lines of what it said of it at its end, or else the last line."""
    lines = text.strip().splitlines()
    if not lines:
        return "its log is empty"
    for number in range(len(lines) - 1, -1, -1):
        if lines[number].startswith("dcp: "):
            return "\n".join([lines[number].removeprefix("dcp: "), *lines[number + 1 :]])
        if _MOMENT.search(lines[number][:_AT_THE_BEGINNING]):
            break
    return lines[-1]


def show_logs(given: Path, names: Sequence[str], follow: bool, errors: bool, lines: int) -> int:
    """Print them; the exit code. Raises CommandFailed where a name has none."""
    folder = known_folder(given).logs
    tails = {path: Tail(path) for path in _files(folder, names)}
    first = sorted((entry for tail in tails.values() for entry in tail.more()), key=lambda entry: entry[0])
    wanted = deque((line for line in _picked((text for _, text in first), errors)), maxlen=lines)
    for line in wanted:
        say(line)
    while follow:
        time.sleep(_POLL_SECONDS)
        for path in _files(folder, names):
            tail = tails.setdefault(path, Tail(path))
            for line in _picked((text for _, text in tail.more()), errors):
                say(line)
    return DONE


def _files(folder: Path, names: Sequence[str]) -> list[Path]:
    found = sorted(folder.glob("*.log"))
    stems = {each.name.rsplit(".", 2)[0] for each in found}
    if unknown := [name for name in names if name not in stems]:
        raise CommandFailed(f"no log of {', '.join(unknown)}; there are: {', '.join(sorted(stems)) or 'none'}")
    return [each for each in found if not names or each.name.rsplit(".", 2)[0] in names]


class Tail:
    """A file that grows and is rotated."""

    def __init__(self, path: Path) -> None:
        self._path, self._at, self._inode, self._begun = path, 0, -1, ""
        self._moment = ""

    def more(self) -> list[tuple[str, str]]:
        """(moment, line with its process in front) of what came since the last time, as whole lines. A line without a
        moment belongs to the one above it."""
        try:
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_ino != self._inode or status.st_size < self._at:
                    self._at, self._inode, self._begun = 0, status.st_ino, ""
                file.seek(self._at)
                text = self._begun + file.read().decode(errors="replace")
                self._at = file.tell()
        except FileNotFoundError:
            return []
        *whole, self._begun = text.split("\n")
        return [self._entry(line) for line in whole]

    def _entry(self, line: str) -> tuple[str, str]:
        if found := _MOMENT.search(line[:_AT_THE_BEGINNING]):
            self._moment = found[0].replace("T", " ")
        return self._moment, f"{self._path.name.removesuffix('.log')} | {line}"


def _picked(lines: Iterable[str], errors: bool) -> Iterator[str]:
    """All of them, or the errors with the lines without a moment that follow them, and why a process ended."""
    within = False
    for line in lines:
        said = line.partition(" | ")[2]
        if _LAST_WORDS.match(said):
            within = True
        if _MOMENT.search(said[:_AT_THE_BEGINNING]):
            within = bool(_ERROR.search(said))
        if within or not errors:
            yield line
