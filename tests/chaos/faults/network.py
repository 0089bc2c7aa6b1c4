"""Connections that are cut, delayed, silent, or broken in mid-stream, between any two processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.fault import LINKS, Fault, Undo, nothing

if TYPE_CHECKING:
    from chaos.plan import Strike
    from chaos.stage import Stage

_LONGEST_DELAY_SECONDS = 0.3
_MOST_BYTES = 40_000


def cut(stage: Stage, strike: Strike) -> Undo:
    """Every connection is cut, and new ones are refused."""
    link = stage.links[strike.target]
    link.refuse()
    link.cut_all()
    return lambda: link.refuse(False)


def delayed(stage: Stage, strike: Strike) -> Undo:
    """Each piece of bytes arrives late."""
    link = stage.links[strike.target]
    link.delay_seconds = 0.05 + strike.draw * (_LONGEST_DELAY_SECONDS - 0.05)

    def end() -> None:
        link.delay_seconds = 0.0

    return end


def silent(stage: Stage, strike: Strike) -> Undo:
    """Nothing arrives, and connections stay open."""
    link = stage.links[strike.target]
    link.hold()
    return lambda: link.hold(False)


def broken(stage: Stage, strike: Strike) -> Undo:
    """A connection ends in the middle of what it carries."""
    stage.links[strike.target].cut_in(int(strike.draw * _MOST_BYTES))
    return nothing


FAULTS = (
    Fault("network-cut", cut, LINKS, (0.2, 3.0), "both sides wait and connect anew", weight=2),
    Fault("network-delayed", delayed, LINKS, (1.0, 4.0), "it is slower", weight=2),
    Fault("network-silent", silent, LINKS, (1.0, 4.0), "calls hang, time out and are repeated", weight=2),
    Fault("network-broken", broken, LINKS, (0.5, 0.5), "half a statement or answer: rolled back, repeated", weight=3),
)
