"""Giving up what cannot be had any more, with its missing ranges named."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from dcp_fetcher.publishing.publish import Outlet
from dcp_fetcher.sites.versions import FORGOTTEN, WEB_PAGE
from dcp_pipeline.ledger.model import Cut, ObjectState, SourceObject

log = logging.getLogger(__name__)

RANGES_NAMED = 20


def give_up(outlet: Outlet, unwanted: SourceObject, why: str, having_cuts: int | None = None) -> str:
    """Close an object whose bytes cannot be read again; the reason. `having_cuts`: as in Ledger.update_object.

    Its pending batches that the queue does not know are dead: without bytes nobody can work them. The others stay
    on their way. To be called again after a crash: batches first, the object's state last.
    """
    cuts = outlet.patience(lambda: outlet.ledger.cuts(unwanted.id))
    missing = outlet.missing(cuts)
    lost = [cut for cut in cuts if cut.batch_id in missing]
    reason = "; ".join([why, *_said(unwanted, cuts, lost)])
    for cut in lost:
        batch_id = cut.batch_id
        outlet.patience(lambda id_=batch_id: outlet.ledger.mark_dead(id_, reason, 0))  # type: ignore[misc]
    gone = ObjectState.UNAVAILABLE
    outlet.patience(
        lambda: outlet.ledger.update_object(unwanted.id, state=gone, reason=reason, having_cuts=having_cuts)
    )
    log.warning("object unavailable: %s", reason, extra={"source": unwanted.source, "uri": unwanted.uri})
    return reason


def now_history(outlet: Outlet, unavailable: SourceObject) -> None:
    """What its source has no more cannot be mended there: it is shown, and no failure any longer."""
    id_, reason = unavailable.id, unavailable.reason
    log.info("an unavailable object is history: its source has it no more", extra={"uri": unavailable.uri})
    outlet.patience(lambda: outlet.ledger.update_object(id_, state=ObjectState.HISTORY, reason=reason))


def again_unavailable(outlet: Outlet, history: SourceObject) -> None:
    """Its source has it still, or again. What a person said to forget stays forgotten."""
    if history.state is ObjectState.HISTORY and not (history.reason or "").startswith(FORGOTTEN):
        id_ = history.id
        outlet.patience(lambda: outlet.ledger.update_object(id_, state=ObjectState.UNAVAILABLE))


def clear_web_page(outlet: Outlet, known: Iterable[SourceObject]) -> None:
    """Records are served where a web page was: nothing of that was read, so nothing is missing."""
    for each in known:
        if each.version == WEB_PAGE and each.state is ObjectState.UNAVAILABLE:
            id_ = each.id
            outlet.patience(
                lambda id_=id_: outlet.ledger.update_object(  # type: ignore[misc]
                    id_, state=ObjectState.CUT, reason="was a web page for a while; records are served again"
                )
            )


def ranges(cuts: Sequence[Cut]) -> list[tuple[int, int]]:
    """Their byte ranges, adjacent ones joined."""
    joined: list[tuple[int, int]] = []
    for cut in cuts:
        if joined and joined[-1][1] == cut.start:
            joined[-1] = (joined[-1][0], cut.end)
        else:
            joined.append((cut.start, cut.end))
    return joined


def _said(unwanted: SourceObject, cuts: Sequence[Cut], lost: Sequence[Cut]) -> list[str]:
    said = []
    if lost:
        named = [f"{start}-{end}" for start, end in ranges(lost)]
        more = f" and {len(named) - RANGES_NAMED} more ranges" if len(named) > RANGES_NAMED else ""
        records = sum(cut.records for cut in lost)
        said.append(f"missing: bytes {', '.join(named[:RANGES_NAMED])}{more} ({records} records)")
    if unwanted.state is ObjectState.CUTTING:
        said.append(f"missing: everything from byte {cuts[-1].end if cuts else unwanted.header_end}")
    return said


def past(outlet: Outlet, known: Sequence[SourceObject], served: SourceObject) -> None:
    """Another version is served whole: what was unavailable of those before is history."""
    for each in known:
        if each.id != served.id and each.state is ObjectState.UNAVAILABLE and each.version != WEB_PAGE:
            now_history(outlet, each)
