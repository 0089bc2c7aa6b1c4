"""The tokens that tell one version of an object from another. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dcp_pipeline.ledger.model import SourceObject

DIGEST = "digest:"
"""How the token of a version begins that only its bytes tell from others."""
WEB_PAGE = "web-page"
"""The one version that stands for all web pages served in an object's place."""
GONE = "no longer served"
"""How the reason of an object begins that is read on should it come back."""
REPLACED = "another version is served in its place"
"""The same, of one in whose place another version was served."""
BACK = (GONE, REPLACED)
CHANGED = "other bytes came under its version"
"""How the reason of an object begins whose token now stands for other bytes, to be read as another version."""
CUT_SHORT = "truncated, rotated or replaced"
"""How the reason of a growing file's generation begins that ended before all of it was read."""
FORGOTTEN = "forgotten by hand"
"""How the reason of an object begins that a person wants to hear of no more, though it be served."""
REREAD = "to be read again by hand"
"""How the reason of an object begins that a person wants to have read again, as another version."""

_AGAIN = re.compile(r"(.*)#(\d+)", re.DOTALL)


def base_of(version: str) -> str:
    """The source's own token, without the count of other bytes that came under it."""
    found = _AGAIN.fullmatch(version)
    return found[1] if found else version


def recorded_as(token: str, known: Sequence[SourceObject]) -> tuple[SourceObject | None, str]:
    """(the recorded version that the source's token stands for, the version to open where there is none).

    `known` is newest first. Where other bytes came under the token it is counted on: token#2, token#3.
    """
    same = [each for each in known if base_of(each.version) == token]
    if not same:
        return None, token
    if (same[0].reason or "").startswith((CHANGED, REREAD)):
        return None, f"{token}#{len(same) + 1}"
    return same[0], same[0].version


def growing_version(generation: int, packed: bool, first_token: str) -> str:
    """The token of a growing file: it stays while the file only grows."""
    return f"growing:{generation}:{'packed' if packed else 'plain'}:{first_token}"


def generation_of(version: str) -> tuple[int, bool] | None:
    """(generation, compressed?) of a growing file's token; None for other tokens."""
    found = re.match(r"growing:(\d+):(packed|plain):", version)
    return (int(found[1]), found[2] == "packed") if found else None
