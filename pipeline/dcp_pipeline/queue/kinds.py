"""Keys of the queue under which lies what somebody else has put there: which one it is, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import redis

from dcp_pipeline.queue.keys import kind_of

WRONG_TYPE = "WRONGTYPE"
OF_A_CLUSTER = "the server is one of a Cluster, and the queue is on another: spec.queue.redis.url is to begin with redis+cluster://"


class KeyOfAnotherKind(redis.ResponseError):
    """No waiting mends it, and nothing of it is deleted: it is not ours."""


class Client(redis.Redis):
    """redis.Redis, whose errors for a key of another kind, and for what its user may not do, say which one it is."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Raises KeyOfAnotherKind, Forbidden, and what redis.Redis raises."""
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except (KeyOfAnotherKind, redis.exceptions.NoScriptError):
            raise
        except redis.ResponseError as error:
            from dcp_pipeline.queue.rights import forbidden, is_refusal

            if is_refusal(error) and "user_script" not in str(error):  # scripts.py knows which line of which that is
                raise forbidden(self, error, args) from error
            if isinstance(error, redis.exceptions.AskError):
                raise redis.ResponseError(OF_A_CLUSTER) from error
            if WRONG_TYPE not in str(error):
                raise
            raise of_another_kind(self, _keys_of(args)) from error


def of_another_kind(client: redis.Redis, keys: Sequence[str]) -> KeyOfAnotherKind:
    """The error for one of these keys, or of those that a script makes of them."""
    kinds = {key: cast(bytes, client.type(key)).decode() for key in keys}
    wrong = {key: kind for key, kind in kinds.items() if kind not in ("none", kind_of(key))}
    told = "; ".join(f"{key} is a {kind} and not a {kind_of(key)}" for key, kind in wrong.items())
    return KeyOfAnotherKind(
        f"{told or 'a key of a job or task of the queue is of another kind'} ({WRONG_TYPE}): somebody else writes "
        "there. See who does, then delete it (redis-cli DEL): what lay there is read again; or give the pipeline a "
        "queue of its own (spec.queue.name)"
    )


def _keys_of(args: tuple[Any, ...]) -> list[str]:
    scripted = str(args[0]).upper() in ("EVAL", "EVALSHA")
    keys = args[3 : 3 + int(args[2])] if scripted else args[1:2]
    return [key.decode(errors="replace") if isinstance(key, bytes) else str(key) for key in keys]
