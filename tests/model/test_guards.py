"""Each guard of the scripts is taken out once: the model is worth something only if it notices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from dcp_pipeline.queue import QueueFull
from model.machine import QueueHistory
from support.redis_server import RunningServer, valkey_server

LONG_ENOUGH = settings(
    max_examples=300,
    stateful_step_count=50,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Guard:
    """A piece of Lua, and what stands in its place when it is out."""

    text: str
    without: str
    witnessed: bool = False
    """Whether callers see the harm themselves, without anybody looking at keys and replies."""


GUARDS = {
    "the token, when a lease is extended, retried or handed back": Guard(
        "redis.call('HGET', JOB .. id, 'token') == token and redis.call('ZSCORE', INFLIGHT, id) ~= false",
        "redis.call('ZSCORE', INFLIGHT, id) ~= false",
    ),
    "the token, when a job is acknowledged": Guard(
        "job[1] == token and redis.call('ZREM', INFLIGHT, id) == 1", "redis.call('ZREM', INFLIGHT, id) == 1"
    ),
    "a claimed job is not ready any more": Guard("redis.call('ZREM', READY, unpack(taken))", "", witnessed=True),
    "tokens that never repeat": Guard(
        "int(math.max(now, (tonumber(job[2] or '') or 0) + 1))", "int((tonumber(job[2] or '') or 0) + 1)"
    ),
    "the repetition of a claim whose reply was lost": Guard("last[1] ~= nonce", "true"),
    "a failure that is told twice counts once": Guard("if job[1] ~= token then", "if true then"),
    "a process that holds a job alone gets no other": Guard("is_kept_alone() or claim_ready()", "claim_ready()"),
    "a job that lost its worker is tried alone": Guard("if redis.call('HGET', JOB .. id, 'crashes') then", "if false then"),
    "the crash count": Guard("(tonumber(job[2]) or 0) + 1\n    if not", "(tonumber(job[2]) or 0)\n    if not"),
    "a later deadline for what is extended": Guard(
        "redis.call('ZADD', INFLIGHT, deadline, ARGV[i])", "local _ = deadline", witnessed=True
    ),
    "the priority of what comes back": Guard(
        "place(tonumber(job[1]), tonumber(job[2]))", "place(100, tonumber(job[2]))"
    ),
    "known ids stay as they are": Guard("if not known then", "if true then", witnessed=True),
    "an expired lease goes back": Guard("make_ready(id)\n      end\n    end\n  end\n  return died", "end\n    end\n  end\n  return died", witnessed=True),
    "the claim is forgotten with its lease": Guard("redis.call('HDEL', CLAIMS, worker)", "local _ = worker"),
    "the bytes of what is buried": Guard("add_bytes('bytes', 0 - bytes)\n  add_bytes('dead", "add_bytes('dead"),
    "a time that never goes back": Guard("if here < latest then", "if false then", witnessed=True),
    "a time that goes on": Guard("math.max(here + (tonumber(last[2]) or 0), latest)", "latest", witnessed=True),
    "the sleepers are woken": Guard("redis.call('LPUSH', WAKE, '1')", "local _ = WAKE"),
}  # fmt: skip


class Tampering:
    """Takes a guard out of every script that has it."""

    def __init__(self, guard: Guard) -> None:
        self._guard, self.found = guard, False

    def __call__(self, source: str) -> str:
        self.found |= self._guard.text in source
        return source.replace(self._guard.text, self._guard.without)


@pytest.fixture(scope="module")
def valkey() -> Iterator[RunningServer]:
    with valkey_server() as running:
        yield running


@pytest.mark.parametrize("name", GUARDS)
def test_the_model_notices_when_a_guard_is_missing(valkey: RunningServer, name: str) -> None:
    notices(valkey, GUARDS[name], compares=True)


@pytest.mark.parametrize("name", [name for name, guard in GUARDS.items() if guard.witnessed])
def test_callers_would_notice_too(valkey: RunningServer, name: str) -> None:
    notices(valkey, GUARDS[name], compares=False)


def notices(server: RunningServer, guard: Guard, compares: bool) -> None:
    class Unguarded(QueueHistory):
        url = server.url
        mutate = Tampering(guard)

    Unguarded.compares = compares
    with pytest.raises(Exception) as caught:  # noqa: PT011
        run_state_machine_as_test(Unguarded, settings=LONG_ENOUGH)
    assert isinstance(caught.value, AssertionError | QueueFull | redis.ResponseError), caught.value
    assert Unguarded.mutate.found, "the guard is not in the scripts any more: mend this test"
