"""Why there are as many workers as there are: what the operator leaves in Redis for `dcp status` and `dcp ui`, which
ask no Kubernetes. Nothing is decided by it. The last note says how it is now; the history has those that changed the
number."""

from __future__ import annotations

from typing import Annotated

import msgspec
import redis
from msgspec import Meta

from dcp_pipeline.queue.keys import Keys

KEPT_SECONDS = 3600
HISTORY_SECONDS = 7 * 86400
MOST_KEPT = 500
LAST_MOMENT = 253_402_300_799
"""The end of the year 9999: a date has no later one."""


class ScalingNote(msgspec.Struct, frozen=True, kw_only=True):
    """One decision. `at` is in seconds since the epoch."""

    at: Annotated[float, Meta(ge=0, le=LAST_MOMENT)]
    replicas: Annotated[int, Meta(ge=0, le=1_000_000)]
    cause: str
    """In one word, as the reason of the ScalingActive condition."""
    reason: str


def note_command(queue: str, note: ScalingNote) -> list[str | bytes | int]:
    """The command that replaces what was left for the queue."""
    return ["SET", _key(queue), msgspec.json.encode(note), "EX", KEPT_SECONDS]


def history_commands(queue: str, note: ScalingNote) -> list[list[str | bytes | int]]:
    """The commands that put a note which changed the number of workers into the history."""
    key = _history(queue)
    return [
        ["LPUSH", key, msgspec.json.encode(note)],
        ["LTRIM", key, 0, MOST_KEPT - 1],
        ["EXPIRE", key, HISTORY_SECONDS],
    ]


def read_note(client: redis.Redis, queue: str) -> ScalingNote | None:
    """The last one; None where no operator scales this queue, or one of another release does."""
    text: bytes | None = client.get(_key(queue))  # type: ignore[assignment]  # no await: the client is not asyncio's
    return _note(text)


def read_history(client: redis.Redis, queue: str) -> list[ScalingNote]:
    """The decisions that changed the number of workers, oldest first. An operator that starts anew tells its first once
    more: what changes nothing is left out."""
    texts: list[bytes] = client.lrange(_history(queue), 0, -1)  # type: ignore[assignment]
    history: list[ScalingNote] = []
    for text in reversed(texts):
        note = _note(text)
        if note is not None and (not history or history[-1].replicas != note.replicas):
            history.append(note)
    return history


def note_keys(queue: str) -> tuple[str, str]:
    """The keys that notes of a queue are in."""
    return _key(queue), _history(queue)


def _note(text: bytes | None) -> ScalingNote | None:
    try:
        return msgspec.json.decode(text, type=ScalingNote) if text else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _key(queue: str) -> str:
    return Keys(queue).prefix + "scaling"


def _history(queue: str) -> str:
    return Keys(queue).prefix + "scaling-history"
