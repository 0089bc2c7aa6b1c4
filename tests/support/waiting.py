"""Waiting for conditions, never for durations."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


def wait_until(
    condition: Callable[[], object], what: str, within_seconds: float = 30, every_seconds: float = 0.02
) -> None:
    """Return once condition() is true; fail naming `what` when it does not come true in time."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_seconds} s: {what}"
        time.sleep(every_seconds)


async def eventually(condition: Callable[[], Awaitable[object]], what: str, within_seconds: float = 30) -> None:
    """The same for a coroutine function."""
    deadline = time.monotonic() + within_seconds
    while not await condition():
        assert time.monotonic() < deadline, f"not within {within_seconds} s: {what}"
        await asyncio.sleep(0.02)
