"""What an ACL user of the queue's server needs, and how it is told what it lacks. docs/queue.md has the rule.

A script that is refused a command has written by then what it wrote before: so a user is looked at before it works.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import redis
from redis.exceptions import NoPermissionError, ResponseError

from dcp_pipeline.queue.keys import Keys
from dcp_pipeline.queue.scripts import Script

SESSION = ("ping", "info", "select", "role", "client|setname", "eval", "evalsha", "script|load")
"""Before anything of the queue is touched; `role` behind Sentinels, `script|load` for the operator."""
ON_KEYS = (
    "time", "exists", "del", "type", "set", "get", "expire", "expireat", "pexpire", "persist", "ttl",
    "hset", "hsetnx", "hget", "hmget", "hgetall", "hexists", "hincrby", "hdel",
    "zadd", "zscore", "zcard", "zcount", "zrange", "zrangebyscore", "zrem", "zremrangebyscore",
    "lpush", "lindex", "llen", "lrange", "ltrim", "rpop", "blpop",
)  # fmt: skip
"""What lua/rights.lua tries, but for BLPOP, which not every server lets a script call."""
TO_LOOK = (
    "time", "select", "role", "client|setname", "evalsha", "script|load", "hmget", "hgetall", "zcard", "zrange"
)  # fmt: skip
"""Enough for the operator to read a backlog, and for nothing else."""

_COMMAND = re.compile(r"run the '([^']+)' command")
_LINE = re.compile(r"user_script:(\d+)")
_CALL = re.compile(r"redis\.p?call\('([A-Z]+)'")
_REFUSED = ("noperm", "no permissions", "can't run this command", "can't access at least one of the keys")


class Forbidden(NoPermissionError):
    """The server's ACL keeps our user from something. No waiting mends it; a person does."""

    def __init__(self, user: str, what: str) -> None:
        super().__init__(f"Redis' user {user!r} may not {what}: give it the rule of docs/queue.md (ACL users)")
        self.user = user


def rule(user: str, queue: str, commands: Sequence[str] = (*SESSION, *ON_KEYS)) -> str:
    """The ACL of a user that may do so much with one queue, or with those of a pattern, and nothing else."""
    return f"ACL SETUSER {user} ~{{{queue}}}:* ~{queue} -@all {' '.join(f'+{each}' for each in commands)}"


def is_refusal(error: BaseException) -> bool:
    """Whether an error of redis' is of its ACL, in the words of any version, in a script or not."""
    return isinstance(error, NoPermissionError) or (
        isinstance(error, ResponseError) and any(word in str(error).lower() for word in _REFUSED)
    )


def forbidden(client: redis.Redis, error: ResponseError, args: Sequence[object], source: str = "") -> Forbidden:
    """The error in words: the command or the keys that are refused. `source` is the script's that was run."""
    text = str(error)
    command = _refused_command(text, source) or str(args[0]).upper()
    if "access" in text:
        keys = _touched(args)
        what = f"touch {', '.join(keys) or 'a key of the queue'} ({command})"
    else:
        what = f"run {command}"
    return Forbidden(_user_of(client), what)


def check_rights(client: redis.Redis, queue: str) -> None:
    """Raises Forbidden, naming all that the user lacks for the queue. The default user is taken to have everything."""
    user = _user_of(client)
    if user == "default":
        return
    keys = Keys(queue)
    refused = Script.load("rights", with_common=False).run(client, (keys.never, keys.inbox), ())
    names = [each.decode() for each in dict.fromkeys(refused)]
    touched = [each for each in names if each in (keys.never, keys.inbox)]
    commands = [each for each in names if each not in touched]
    if commands:
        raise Forbidden(user, f"run {', '.join(commands)} on the keys of {queue}")
    if touched:
        raise Forbidden(user, f"touch {', '.join(touched)}")
    client.blpop([keys.never], timeout=0.01)


def _refused_command(text: str, source: str) -> str | None:
    if (named := _COMMAND.search(text)) is not None:
        return named[1].upper()
    line, lines = _LINE.search(text), source.splitlines()
    if line is not None and 0 < int(line[1]) <= len(lines):
        called = _CALL.search(lines[int(line[1]) - 1])
        return called[1] if called else None
    return None


def _touched(args: Sequence[object]) -> list[str]:
    scripted = str(args[0]).upper() in ("EVAL", "EVALSHA")
    keys = args[3 : 3 + int(str(args[2]))] if scripted else args[1:2]
    return [each.decode(errors="replace") if isinstance(each, bytes) else str(each) for each in keys]


def _user_of(client: redis.Redis) -> str:
    options = client.connection_pool.connection_kwargs
    asked = options.get("credential_provider")
    return str((asked.username if asked is not None else options.get("username")) or "default")
