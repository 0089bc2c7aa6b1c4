"""A body that comes so slowly that nobody is served by waiting for it."""

from __future__ import annotations

from dcp_fetcher.ground.errors import UnreachableError

WINDOW_SECONDS = 60.0
LEAST_BYTES_PER_SECOND = 100.0
LONGEST_PAUSE_SECONDS = 5.0
"""So much of one pause counts: a server may think for as long as http.timeout allows, but not before every byte."""


class Drip:
    """Watches what comes, by the time for which it kept us waiting: what we leave standing is not the server's."""

    def __init__(self) -> None:
        self._waited_seconds = 0.0
        self._bytes = 0

    def came(self, waited_seconds: float, count: int) -> None:
        """So many bytes, after so long. Raises UnreachableError: given up for this look, others have its place."""
        self._waited_seconds += min(waited_seconds, LONGEST_PAUSE_SECONDS)
        self._bytes += count
        if self._waited_seconds < WINDOW_SECONDS:
            return
        if self._bytes < LEAST_BYTES_PER_SECOND * self._waited_seconds:
            raise UnreachableError(
                f"it drips: {self._bytes} bytes in {self._waited_seconds:.0f} s of waiting; the next look tries again"
            )
        self._waited_seconds, self._bytes = 0.0, 0
