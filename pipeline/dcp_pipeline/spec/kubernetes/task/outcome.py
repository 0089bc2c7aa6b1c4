"""What a task's container leaves for the operator: its termination message, one JSON object of at most 4096 bytes.

That is all that a kubelet takes. Whoever reads it must not trust it: any image may have written it.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

MOST_BYTES = 4096
LONGEST_OUTCOME = 1024
MOST_COUNTS = 32


class Outcome(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What `dcp` came to: one line, and what was counted. Never bytes of a record."""

    exit_code: Annotated[int, Meta(ge=0, le=255)]
    outcome: str
    counts: dict[Annotated[str, Meta(pattern=r"^[a-z_]{1,32}$")], Annotated[int, Meta(ge=0, le=2**53)]] = {}


def message_of(outcome: Outcome) -> bytes:
    """As it is left behind: cut where it would be longer."""
    counts = dict(list(outcome.counts.items())[:MOST_COUNTS])
    longest = LONGEST_OUTCOME
    while True:
        cut = msgspec.structs.replace(outcome, outcome=_cut(outcome.outcome, longest), counts=counts)
        if len(written := msgspec.json.encode(cut)) <= MOST_BYTES:
            return written
        longest //= 2


def outcome_of(message: object) -> Outcome | None:
    """What a termination message says; None where it is no outcome."""
    if not isinstance(message, str) or len(message) > MOST_BYTES:
        return None
    try:
        found = msgspec.json.decode(message, type=Outcome)
    except (msgspec.DecodeError, RecursionError):
        return None
    counts = dict(list(found.counts.items())[:MOST_COUNTS])
    return msgspec.structs.replace(found, outcome=_cut(found.outcome, LONGEST_OUTCOME), counts=counts)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
