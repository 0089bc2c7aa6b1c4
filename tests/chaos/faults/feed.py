"""A feed that answers slowly, partially, wrongly, or with other content than before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.fault import FEED, Fault, Undo, nothing

if TYPE_CHECKING:
    from chaos.plan import Strike
    from chaos.stage import Stage

_PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n"
_PIECE_BYTES, _PAUSE_SECONDS = 4_000, 0.1
_STATUSES = (500, 503, 429, 404, 403)


def slow(stage: Stage, strike: Strike) -> Undo:
    """4 KB at a time, with pauses."""
    stage.feed.trickle(_PIECE_BYTES, _PAUSE_SECONDS)
    return lambda: stage.feed.trickle(None, 0)


def partial(stage: Stage, strike: Strike) -> Undo:
    """The next answer for each file ends in its middle."""
    for name, served in dict(stage.feed.files).items():
        stage.feed.fail(name, break_after=int(strike.draw * len(served.content)))
    return nothing


def wrong(stage: Stage, strike: Strike) -> Undo:
    """The listing and each file are answered with an error, twice."""
    status = _STATUSES[int(strike.draw * len(_STATUSES))]
    for name in ["", *stage.feed.files]:
        stage.feed.fail(name, times=2, status=status)
    return nothing


def web_page(stage: Stage, strike: Strike) -> Undo:
    """A page for people, with status 200, where one of the files was."""
    name = _one(stage, strike)
    if name is None:
        return nothing
    served = stage.feed.files[name]
    stage.feed.put(name, _PAGE)

    def end() -> None:
        stage.feed.files[name] = served

    return end


def changed(stage: Stage, strike: Strike) -> Undo:
    """A file has another content from now on."""
    name = _one(stage, strike)
    if name is not None:
        stage.change(name)
    return nothing


def _one(stage: Stage, strike: Strike) -> str | None:
    """One of the files that are served now, if any is."""
    names = sorted(stage.feed.files)
    return names[int(strike.draw * len(names))] if names else None


FAULTS = (
    Fault("feed-slow", slow, (FEED,), (1.5, 4.0), "it is slower", keeps_leases=True),
    Fault(
        "feed-partial",
        partial,
        (FEED,),
        (0.5, 0.5),
        "the rest is asked for; else read again behind the last cut",
        keeps_leases=True,
    ),
    Fault(
        "feed-wrong", wrong, (FEED,), (0.5, 0.5), "asked again, with pauses, and at the next look", keeps_leases=True
    ),
    Fault(
        "feed-web-page",
        web_page,
        (FEED,),
        (1.0, 3.0),
        "refused, not read as records; read when it is back",
        keeps_leases=True,
    ),
    Fault(
        "feed-changed", changed, (FEED,), (0.0, 0.0), "a new version, read whole; what was read of the old one stays"
    ),
)
