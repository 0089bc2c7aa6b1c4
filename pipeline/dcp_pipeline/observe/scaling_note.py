"""Why there are as many workers as there are: what the operator leaves in Redis for `dcp status`, which asks no
Kubernetes. Nothing is decided by it."""

from __future__ import annotations

import msgspec
import redis

from dcp_pipeline.queue.keys import Keys

KEPT_SECONDS = 3600


class ScalingNote(msgspec.Struct, frozen=True, kw_only=True):
    """One decision. `at` is in seconds since the epoch."""

    at: float
    replicas: int
    cause: str
    """In one word, as the reason of the ScalingActive condition."""
    reason: str


def note_command(queue: str, note: ScalingNote) -> list[str | bytes | int]:
    """The command that replaces what was left for the queue."""
    return ["SET", _key(queue), msgspec.json.encode(note), "EX", KEPT_SECONDS]


def read_note(client: redis.Redis, queue: str) -> ScalingNote | None:
    """The last one; None where no operator scales this queue, or one of another release does."""
    text: bytes | None = client.get(_key(queue))  # type: ignore[assignment]  # no await: the client is not asyncio's
    try:
        return msgspec.json.decode(text, type=ScalingNote) if text else None
    except msgspec.DecodeError:
        return None


def _key(queue: str) -> str:
    return Keys(queue).prefix + "scaling"
