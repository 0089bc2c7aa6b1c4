"""What the journals of the processes tell: who died at which phase, which batches were claimed how often, when what
was done. Pure, but for read_journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dcp_pipeline.observe.phases import Phase

KILL, STOP, DAWDLE = "kill", "stop", "dawdle"


@dataclass(frozen=True)
class Entry:
    """A line of a journal, by the monotonic clock of the machine; `word` is a phase, or what the process did to
    itself: kill, stop or dawdle, with a colon and for how many seconds."""

    at_seconds: float
    thread: str
    word: str
    batch_id: str


@dataclass(frozen=True)
class OwnEnd:
    """What a process did to itself, at which phase, and until when (a kill ends when it begins)."""

    word: str
    phase: str
    at_seconds: float
    until: float


Journals = Iterable[Sequence[Entry]]


def read_journal(path: Path) -> list[Entry]:
    """Its entries; none where the process did not come so far."""
    if not path.exists():
        return []
    # A thread's name may have blanks.
    parts = (line.rsplit(maxsplit=2) for line in path.read_text().splitlines())
    return [Entry(float(head.split()[0]), head.split(maxsplit=1)[1], word, batch) for head, word, batch in parts]


def own_ends(journals: Journals) -> list[OwnEnd]:
    """What the processes did to themselves."""
    ends = []
    for journal in journals:
        before: dict[str, str] = {}
        for each in journal:
            word, _, seconds = each.word.partition(":")
            if word in (KILL, STOP, DAWDLE):
                ends.append(OwnEnd(word, before[each.thread], each.at_seconds, each.at_seconds + float(seconds)))
            before[each.thread] = each.word
    return ends


def last_phase(journal: Sequence[Entry]) -> str:
    """The phase that a process reached last."""
    return next((each.word for each in reversed(journal) if each.word in set(Phase)), "starting")


def claims(journals: Journals) -> Counter[str]:
    """How often each batch was given to a worker."""
    return Counter(each.batch_id for journal in journals for each in journal if each.word == Phase.CLAIMED)


def recovery_seconds(journals: Journals, moment: float) -> float:
    """How long after `moment` the last batch was committed that had been cut by then; 0 where all were already."""
    entries = sorted((each for journal in journals for each in journal), key=lambda each: each.at_seconds)
    cut = {each.batch_id for each in entries if each.word == Phase.CUT and each.at_seconds <= moment}
    done: dict[str, float] = {}
    for each in entries:
        # Who dies between COMMIT and acknowledgement may leave a commit that only the acknowledgement tells of.
        if each.word in (Phase.COMMITTED, Phase.ACKNOWLEDGED):
            done.setdefault(each.batch_id, each.at_seconds)
    return max((done[batch] - moment for batch in cut if done.get(batch, 0.0) > moment), default=0.0)
