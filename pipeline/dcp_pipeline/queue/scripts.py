"""The Lua scripts beside this file, and how they are called. Each one's first comment is its contract."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from typing import Any, cast

import msgspec
import redis
from redis.exceptions import AskError, NoScriptError, OutOfMemoryError, ResponseError

from dcp_pipeline.queue.kinds import OF_A_CLUSTER, WRONG_TYPE, of_another_kind
from dcp_pipeline.queue.model import QueueFull

Argument = bytes | str | int


class Script(msgspec.Struct, frozen=True):
    """A script's source and the digest by which a server knows it."""

    source: str
    sha: str

    @classmethod
    @cache
    def load(cls, name: str, *, with_common: bool = True) -> Script:
        """The script lua/<name>.lua, behind lua/common.lua where it works on the queue's states. Read once."""
        folder = resources.files(__package__) / "lua"
        parts = ["common", name] if with_common else [name]
        source = "\n".join((folder / f"{part}.lua").read_text("utf-8") for part in parts)
        return cls(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())

    def run(self, client: redis.Redis, keys: Iterable[str], arguments: Iterable[Argument]) -> Any:
        """Run it in one call; where the server has lost its scripts, in one more, which brings the source.

        Raises QueueFull where Redis has no memory left for what the script adds, Forbidden where its ACL says no.
        """
        names = tuple(keys)
        rest = tuple(arguments)
        try:
            try:
                return client.evalsha(self.sha, len(names), *names, *cast(tuple[Any, ...], rest))
            except NoScriptError:
                return client.eval(self.source, len(names), *names, *cast(tuple[Any, ...], rest))
        except ResponseError as error:
            if out_of_memory(error):
                raise QueueFull(
                    "Redis has reached its maxmemory and takes nothing new: raise maxmemory, lower "
                    "spec.queue.maxBytes, or purge dead letters"
                ) from error
            self._tell_refusal(client, error, names)
            raise

    def run_many(self, client: redis.Redis, calls: Sequence[tuple[Sequence[str], Sequence[Argument]]]) -> list[Any]:
        """Run it for each (keys, arguments) in one round trip; two where the server has lost its scripts."""
        try:
            try:
                return self._piped(client, calls, known=True)
            except NoScriptError:
                return self._piped(client, calls, known=False)
        except ResponseError as error:
            self._tell_refusal(client, error, calls[0][0])
            if isinstance(error, AskError):
                raise ResponseError(OF_A_CLUSTER) from error
            if WRONG_TYPE not in str(error):
                raise
            raise of_another_kind(client, calls[0][0]) from error

    def _tell_refusal(self, client: redis.Redis, error: ResponseError, keys: Sequence[str]) -> None:
        from dcp_pipeline.queue.rights import Forbidden, forbidden, is_refusal

        if is_refusal(error) and not isinstance(error, Forbidden):
            raise forbidden(client, error, ("EVALSHA", self.sha, len(keys), *keys), self.source) from error

    def _piped(
        self, client: redis.Redis, calls: Sequence[tuple[Sequence[str], Sequence[Argument]]], known: bool
    ) -> list[Any]:
        pipeline = client.pipeline(transaction=False)
        send, what = (pipeline.evalsha, self.sha) if known else (pipeline.eval, self.source)
        for keys, arguments in calls:
            send(what, len(keys), *keys, *cast(tuple[Any, ...], arguments))
        return pipeline.execute()


def out_of_memory(error: ResponseError) -> bool:
    """Whether maxmemory was reached. Redis 6.2 wraps the code of a script's error into its text."""
    return isinstance(error, OutOfMemoryError) or "OOM command not allowed" in str(error)
