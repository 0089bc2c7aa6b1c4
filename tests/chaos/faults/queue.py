"""Redis that is killed, restarted, wiped, slow, full, or replaced by a replica that lags."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

from chaos.faults.fault import REDIS, WORKER_REDIS, Fault, Undo, nothing

if TYPE_CHECKING:
    from chaos.plan import Strike
    from chaos.stage import Stage

_AN_HOUR_LATER = """
for _, suffix in ipairs({'age', 'scheduled', 'inflight', 'dead'}) do
  for _, key in ipairs(redis.call('KEYS', '*}:' .. suffix)) do
    for _, id in ipairs(redis.call('ZRANGE', key, 0, -1)) do
      redis.call('ZINCRBY', key, '3600000000', id)
    end
  end
end
for _, key in ipairs(redis.call('KEYS', '*}:job:*')) do
  redis.call('HINCRBY', key, 'enqueued_at', '3600000000')
end
for _, key in ipairs(redis.call('KEYS', '*}:meta')) do
  if redis.call('HEXISTS', key, 'clock') == 1 then
    redis.call('HINCRBY', key, 'clock', '3600000000')
  end
end
"""
_BREATH_SECONDS, _FREEZE_SECONDS = 0.05, 0.3


def killed(stage: Stage, strike: Strike) -> Undo:
    """SIGKILL; back with its append-only file."""
    stage.redis.primary.kill()
    return stage.redis.primary.start


def restarted(stage: Stage, strike: Strike) -> Undo:
    """A clean stop; back with its append-only file."""
    stage.redis.primary.stop()
    return stage.redis.primary.start


def flushed(stage: Stage, strike: Strike) -> Undo:
    """FLUSHALL under everybody's feet."""
    stage.redis.primary.client().flushall()
    return nothing


def lost(stage: Stage, strike: Strike) -> Undo:
    """SIGKILL; back on the same address with an empty disk."""
    stage.redis.primary.kill()
    stage.redis.primary.erase()
    return stage.redis.primary.start


def frozen(stage: Stage, strike: Strike) -> Undo:
    """SIGSTOP: connections stay open and nobody answers."""
    stage.redis.primary.signal(signal.SIGSTOP)
    return lambda: stage.redis.primary.signal(signal.SIGCONT)


def slow(stage: Stage, strike: Strike) -> Undo:
    """It works for 50 ms of every 350."""
    over, primary = threading.Event(), stage.redis.primary

    def stutter() -> None:
        while not over.wait(_BREATH_SECONDS):
            primary.signal(signal.SIGSTOP)
            over.wait(_FREEZE_SECONDS)
            primary.signal(signal.SIGCONT)

    thread = threading.Thread(target=stutter, daemon=True)
    thread.start()

    def end() -> None:
        over.set()
        thread.join()

    return end


def out_of_memory(stage: Stage, strike: Strike) -> Undo:
    """maxmemory below what it holds."""
    client = stage.redis.primary.client()
    client.config_set("maxmemory", "1mb")
    return lambda: client.config_set("maxmemory", "0")


def failed_over(stage: Stage, strike: Strike) -> Undo:
    """A replica that heard nothing of the last `seconds` takes over."""
    if stage.redis.parted:  # there is one spare: the failing over that has begun is this one as well
        return nothing
    stage.redis.part_replica()
    return stage.redis.fail_over


def set_back(stage: Stage, strike: Strike) -> Undo:
    """Its clock is an hour behind what it was: everything that it remembers is of an hour later."""
    stage.redis.primary.client().eval(_AN_HOUR_LATER, 0)
    return nothing


def answer_lost(stage: Stage, strike: Strike) -> Undo:
    """A claim or an acknowledgement is carried out, and its answer never arrives."""
    stage.links[WORKER_REDIS].cut_after(b"EVALSHA")
    return nothing


FAULTS = (
    Fault("redis-killed", killed, (REDIS,), (0.3, 3.0), "everybody waits, and goes on with what its AOF holds"),
    Fault("redis-restarted", restarted, (REDIS,), (0.0, 2.0), "everybody waits, and goes on"),
    Fault(
        "redis-wiped",
        flushed,
        (REDIS,),
        (0.0, 0.0),
        "what was queued is gone; the fetcher sees at its next look that the ledger misses it, and reads it again",
        forgets=True,
        weight=2,
    ),
    Fault(
        "redis-lost",
        lost,
        (REDIS,),
        (0.3, 2.0),
        "everybody waits; then as after a wipe",
        forgets=True,
    ),
    Fault("redis-frozen", frozen, (REDIS,), (1.0, 6.0), "calls hang and time out; leases run out and are taken again"),
    Fault("redis-slow", slow, (REDIS,), (2.0, 5.0), "every call takes up to 0.3 s"),
    Fault(
        "redis-out-of-memory",
        out_of_memory,
        (REDIS,),
        (1.0, 4.0),
        "the fetcher cannot enqueue and waits; workers drain the queue",
    ),
    Fault(
        "redis-failed-over",
        failed_over,
        (REDIS,),
        (0.2, 1.5),
        "the last moments are undone: done batches come again, new ones are missing until the fetcher's next look",
        forgets=True,
        weight=2,
    ),
    Fault(
        "redis-clock-set-back",
        set_back,
        (REDIS,),
        (0.0, 0.0),
        "nothing: the queue's own time goes on",
        keeps_leases=True,
    ),
    Fault(
        "redis-answer-lost",
        answer_lost,
        (WORKER_REDIS,),
        (0.5, 0.5),
        "the call is repeated, and finds itself carried out",
    ),
)
