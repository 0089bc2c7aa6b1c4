"""Who may act: whoever has shown the token, for as long as the browser's session lasts, eight hours at most.

What a session is known by and the token of its forms are random and stay in this process: a restart ends all sessions.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable

import msgspec

COOKIE = "dcp_ui"
LASTS_SECONDS = 8 * 3600
_MOST = 1000
_TRIES, _TRIES_WITHIN_SECONDS = 10, 60.0


class Session(msgspec.Struct, frozen=True):
    """Somebody who may act. `form_token` stands in each of their forms."""

    id: str
    form_token: str
    until: float


class Sessions:
    """Those that go on. For one event loop."""

    def __init__(self, token: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._token = token
        self._clock = clock
        self._open: dict[str, Session] = {}
        self._wrong: list[float] = []

    @property
    def enabled(self) -> bool:
        """Whether anything may be done at all."""
        return bool(self._token)

    def too_many_tries(self) -> bool:
        """Whether so many wrong tokens came within a minute that no more are looked at."""
        since = self._clock() - _TRIES_WITHIN_SECONDS
        self._wrong = [each for each in self._wrong if each > since]
        return len(self._wrong) >= _TRIES

    def sign_in(self, token: str) -> Session | None:
        """A new session; None where the token is not the right one."""
        if not self._token or not hmac.compare_digest(token.encode(), self._token.encode()):
            self._wrong.append(self._clock())
            return None
        session = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), self._clock() + LASTS_SECONDS)
        if len(self._open) >= _MOST:
            del self._open[next(iter(self._open))]
        self._open[session.id] = session
        return session

    def of(self, cookie: str | None) -> Session | None:
        """The session of a cookie, if it goes on."""
        session = self._open.get(cookie or "")
        if session is None or session.until <= self._clock():
            self._open.pop(cookie or "", None)
            return None
        return session

    def allows(self, session: Session | None, form_token: str) -> bool:
        """Whether a form is one of this session's own."""
        return session is not None and hmac.compare_digest(session.form_token.encode(), form_token.encode())

    def sign_out(self, session: Session) -> None:
        """End it."""
        self._open.pop(session.id, None)
