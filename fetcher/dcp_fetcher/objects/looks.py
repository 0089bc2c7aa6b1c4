"""What looks at objects are about: their terms, how they end, and what of an object is settled or incomplete. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from dcp_fetcher.ground.attempts import Attempts
from dcp_fetcher.ground.ports import FormatOf
from dcp_fetcher.reading import HowToCut
from dcp_fetcher.settling import Settling
from dcp_fetcher.sites.versions import BACK, CHANGED, REREAD
from dcp_pipeline.ledger.model import ObjectState, SourceObject


class Outcome(StrEnum):
    """What a look at an object led to."""

    UNCHANGED = "unchanged"
    CUT = "cut"
    WAITING = "waiting"
    """Read but for what may still change: it has to settle first."""
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    """Not now; the next round tries again."""


@dataclass(frozen=True)
class Look:
    """A look at an object, and why it ended so."""

    uri: str
    outcome: Outcome
    object_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class SourceTerms:
    """What all objects of a source have in common."""

    pipeline: str
    source: str
    revision: str
    priority: int
    growing: bool
    how: HowToCut
    format_of: FormatOf
    settling: Settling
    table: str
    """Where its rows go."""
    attempts: Attempts = field(default_factory=lambda: Attempts(None, 0))


def is_settled(recorded: SourceObject, lost: dict[str, frozenset[str]]) -> bool:
    """Would reading this version again bring nothing? One that was gone may have come back."""
    reason = recorded.reason or ""
    if recorded.id in lost or recorded.state is ObjectState.CUTTING or reason.startswith(REREAD):
        return False
    return recorded.state is ObjectState.CUT or not reason.startswith((*BACK, CHANGED))


def is_incomplete(recorded: SourceObject, lost: dict[str, frozenset[str]]) -> bool:
    """Is something of it still to be read?"""
    return recorded.id in lost or recorded.state is ObjectState.CUTTING
