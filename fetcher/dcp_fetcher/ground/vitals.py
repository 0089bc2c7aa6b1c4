"""Signs of life of whatever the fetcher does side by side, so that /healthz names what stands still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from dcp_pipeline.observe.pulse import Pulse

BUSY_AT_MOST_SECONDS = 300.0
"""A source may be silent for its timeout, several times over; with no sign of life for longer something is stuck."""


class Vitals:
    """Each look, listing and step of the inbox beats for itself: one that stands still is not hidden by the others."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        # Coroutines and the threads that they wait for have the one of where they were started.
        self._here: ContextVar[str | None] = ContextVar("dcp_fetcher_doing", default=None)

    @contextmanager
    def doing(self, name: str) -> Iterator[None]:
        """While this is done it lives as long as alive() is called now and then."""
        beat, before = f"fetcher: {name}", self._here.get()
        self._here.set(beat)
        self._pulse.beat(beat, "busy", BUSY_AT_MOST_SECONDS)
        try:
            yield
        finally:
            self._here.set(before)
            self._pulse.end(beat)

    def alive(self, doing: str) -> None:
        """What is done here goes on; nothing outside of `doing`."""
        beat = self._here.get()
        if beat is not None:
            self._pulse.beat(beat, doing, BUSY_AT_MOST_SECONDS)
