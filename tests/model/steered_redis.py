"""A Redis client whose clock is the test's, and which breaks off before or after any command it is told to.

The server is a real one and runs the product's scripts byte for byte, below one line of ours. That line shadows `redis`,
so that a script that asks for TIME is told the test's clock, which travels as one more KEY: nothing is stored, and it
works above maxmemory too. What expires by the server's own clock (EXPIRE) is moved along by `pass_time`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import NoScriptError
from redis.retry import Retry

_SHADOW = (
    "local server, seconds, micros = redis, string.match(KEYS[#KEYS], '^(%d+)%.(%d+)$')"
    " local redis = setmetatable({call = function(command, ...)"
    " if command == 'TIME' then return {seconds, micros} end"
    " if command == 'EXPIREAT' then local key, at = ..."
    " return server.call('PEXPIRE', key, string.format('%.0f', math.max(1, (at - seconds) * 1000))) end"
    " return server.call(command, ...) end}, {__index = server})\n"
)
Seen = Callable[[str, tuple[Any, ...], Any], None]
"""Told of each command that was carried out: a script by its product's digest, its arguments, its reply."""


class Fault(Enum):
    """What happens to a command on its way."""

    REQUEST_LOST = "the connection broke before the command arrived"
    REPLY_LOST = "the command was carried out and the connection broke"
    SENT_TWICE = "the reply was lost and the client's own retry sent it again"


@dataclass
class Clock:
    """The server's clock, in microseconds since 1970."""

    now_us: int = 1_800_000_000_000_000
    elapsed_us: int = 1_800_000_000_000_000
    """As a clock shows that nobody sets."""

    def tick(self) -> None:
        """No two calls are made in the same microsecond."""
        self.now_us += 1
        self.elapsed_us += 1

    @property
    def text(self) -> str:
        return f"{self.now_us // 1_000_000}.{self.now_us % 1_000_000:06d}"


class SteeredRedis(redis.Redis):
    """Made by steered()."""

    clock: Clock
    seen: Seen
    mutate: Callable[[str], str]
    _digests: dict[str, str]
    _faults: dict[int, Fault]

    def execute_command(self, *args: Any, **options: Any) -> Any:
        self._faults = {place - 1: fault for place, fault in self._faults.items()}
        fault = self._faults.pop(0, None)
        if fault is Fault.REQUEST_LOST:
            raise redis.ConnectionError(fault.value)
        reply = self._carry_out(args, options)
        if fault is Fault.SENT_TWICE:
            reply = self._carry_out(args, options)
        if fault is Fault.REPLY_LOST:
            raise redis.ConnectionError(fault.value)
        return reply

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> OneByOne:
        assert not transaction, "the queue uses no MULTI: it is refused above maxmemory"
        made = OneByOne(self.connection_pool, self.response_callbacks, False, shard_hint)
        made.client = self
        return made

    @contextmanager
    def breaking(self, fault: Fault | None, at: int) -> Iterator[None]:
        """In here the `at`-th command, from 1, fails so."""
        self._faults = {at: fault} if fault else {}
        yield
        self._faults = {}

    def _carry_out(self, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if args[0] == "TIME":
            return divmod(self.clock.now_us, 1_000_000)
        if args[0] not in ("EVAL", "EVALSHA"):
            return super().execute_command(*args, **options)
        command, script, count = args[:3]
        keys, arguments = args[3 : 3 + count], args[3 + count :]
        digest = script
        if command == "EVAL":
            digest = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
            script = _SHADOW + self.mutate(script)
            self._digests[digest] = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
        elif digest not in self._digests:
            raise NoScriptError("never sent to this server")
        else:
            script = self._digests[digest]
        reply = super().execute_command(command, script, count + 1, *keys, self.clock.text, *arguments, **options)
        self.seen(digest, arguments, reply)
        return reply


class OneByOne(Pipeline):
    """A pipeline that sends its commands one at a time: it may break between any two."""

    client: SteeredRedis

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        stack, self.command_stack = self.command_stack, []
        return [self.client.execute_command(*args, **options) for args, options in stack]


def steered(url: str, clock: Clock, seen: Seen, mutate: Callable[[str], str] = str) -> SteeredRedis:
    """A client of the server at `url`. `mutate` changes a script before it is sent: what is a test worth?"""
    made = SteeredRedis.from_url(url, socket_timeout=10, retry=Retry(NoBackoff(), 0))
    made.clock, made.seen, made.mutate = clock, seen, mutate
    made._digests, made._faults = {}, {}
    return made


def pass_time(plain: redis.Redis, clock: Clock, pattern: str, seconds: int) -> None:
    """Move the clock (back, where negative), and with it what the server expires by its own."""
    clock.now_us += seconds * 1_000_000
    clock.elapsed_us += max(0, seconds) * 1_000_000
    for key in plain.scan_iter(match=pattern, count=1000):
        left_ms = plain.pttl(key)
        if left_ms >= 0 and left_ms <= seconds * 1000:
            plain.delete(key)
        elif left_ms >= 0:
            plain.pexpire(key, left_ms - seconds * 1000)
