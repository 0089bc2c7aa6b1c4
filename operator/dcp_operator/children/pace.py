"""At which pace a release of the operator renews pipelines' pods: some at once, then the next.

A pipeline has its place until all its pods are of the new kind, so a release whose pods do not come up stops after
some; but no longer than PLACE_SECONDS, for a pipeline whose pods never come up must not stop those of others.

Who has a place is not written down anywhere. Who begins to lead takes it from the cluster: whose pods are being renewed
has one. A change of people's that is on its way out just then counts too; it does not wait, others may for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dcp_operator.ground.names import PipelineKey

PLACE_SECONDS = 300.0
LOOK_AGAIN_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 600.0
"""For a window to open: clocks may be set meanwhile."""


class Pace:
    """Who may be renewed now. `next_in` is told whose turn it is, and in how many seconds."""

    def __init__(
        self, at_once: int, delay_seconds: float, monotonic: Callable[[], float],
        next_in: Callable[[PipelineKey, float], None],
        rolling: Callable[[], Iterable[PipelineKey] | None] = lambda: (),
        opens_in: Callable[[], float] = lambda: 0.0,
    ) -> None:  # fmt: skip
        """`rolling` tells whose pods are being renewed as it is now, None while that is not known; `opens_in` in how
        many seconds anybody may be renewed (windows.py)."""
        self._at_once, self._delay, self._monotonic, self._next_in = at_once, delay_seconds, monotonic, next_in
        self._rolling, self._opens_in = rolling, opens_in
        self._begun = False
        """Whether it is known who had a place before."""
        self._until: dict[PipelineKey, float] = {}
        """Who has a place, and until when at the latest."""
        self._resting: list[float] = []
        """Until when places stay empty after somebody was done."""
        self._waiting: dict[PipelineKey, None] = {}

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    def waits(self, key: PipelineKey) -> bool:
        return key in self._waiting

    def begin_anew(self) -> None:
        """Another replica has renewed pipelines meanwhile."""
        self._begun = False
        self._until.clear()
        self._resting.clear()
        self._waiting.clear()

    def may(self, key: PipelineKey) -> bool:
        """Whether this pipeline may be renewed now; it has a place then, until done() or forget()."""
        now = self._monotonic()
        if not self._begun:
            rolling = self._rolling()
            if rolling is None:
                self._waiting[key] = None
                self._next_in(key, LOOK_AGAIN_SECONDS)
                return False
            self._begun = True
            self._until = dict.fromkeys(rolling, now + PLACE_SECONDS)
        self._until = {each: until for each, until in self._until.items() if until > now}
        self._resting = [until for until in self._resting if until > now]
        if key not in self._until and (closed := self._opens_in()) > 0:
            self._waiting[key] = None
            self._next_in(key, min(closed, LONGEST_WAIT_SECONDS))
            return False
        if key not in self._until and len(self._until) + len(self._resting) >= self._at_once:
            self._waiting[key] = None
            return False
        self._until.setdefault(key, now + PLACE_SECONDS)
        self._waiting.pop(key, None)
        return True

    def wants_none(self, key: PipelineKey, out: bool) -> None:
        """There is nothing to renew, or people want it so; `out`: all its pods are as they should be."""
        self._waiting.pop(key, None)
        if out:
            self.done(key)

    def done(self, key: PipelineKey) -> None:
        """The next one comes after the delay."""
        self._waiting.pop(key, None)
        if self._until.pop(key, None) is None:
            return
        if self._delay:
            self._resting.append(self._monotonic() + self._delay)
        if following := next(iter(self._waiting), None):
            self._next_in(following, self._delay)
