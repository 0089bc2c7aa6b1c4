"""What the journals of the processes tell: who died at which phase, and which batches were claimed how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dcp_pipeline.observe.phases import Phase


@dataclass(frozen=True)
class Entry:
    """A line of a journal; `word` is a phase, or what the process did to itself."""

    at_seconds: float
    thread: str
    word: str
    batch_id: str


def read_journal(path: Path) -> list[Entry]:
    """Its entries; none where the process did not come so far."""
    if not path.exists():
        return []
    fields = (line.rsplit(maxsplit=2) for line in path.read_text().splitlines())
    return [Entry(float(head.split()[0]), head.split(maxsplit=1)[1], word, batch) for head, word, batch in fields]


def own_end(entries: Iterable[Entry]) -> tuple[str, str] | None:
    """(what the process did to itself, at which phase)."""
    before: dict[str, str] = {}
    for each in entries:
        if each.word in ("kill", "stop"):
            return each.word, before[each.thread]
        before[each.thread] = each.word
    return None


def claims(journals: Iterable[list[Entry]]) -> Counter[str]:
    """How often each batch was given to a worker."""
    return Counter(each.batch_id for journal in journals for each in journal if each.word == Phase.CLAIMED)
