"""The wall around what comes from outside: whatever is raised while it is read is that one's outcome, with its reason.

Of a source, an object or a task anything may be raised: a library's panic is no Exception, and a StopIteration that
leaves a thread is delivered to nobody.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, TypeVar

import redis

from dcp_fetcher.ground.errors import DamagedError, FetchError, Stopped, TemporaryError
from dcp_pipeline.database.errors import LedgerError
from dcp_pipeline.queue import QueueError
from dcp_pipeline.texts import storable

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

_REASON_CHARS = 500
_OURS = (LedgerError, QueueError, redis.RedisError)
"""Of the pipeline's own servers, and of nothing that was read."""
_OF_THE_MACHINE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.EIO, errno.EROFS, errno.EACCES}
)
"""Of files of ours, and not of what was read: where bytes say so, a library seeks before the beginning (EINVAL)."""
_ENDS = (Stopped, asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit)


class Unforeseen(Exception):
    """What only a thread can raise, or only a library that is none of Python's, in words."""


def reason_of(error: BaseException) -> str:
    """What befell the source, object or task that was read, in words that any database can keep.

    Raises the error itself where it is not about that.
    """
    if isinstance(error, (*_OURS, *_ENDS)):
        raise error
    if isinstance(error, FetchError):
        return storable(str(error))
    log.error("what was read could not be borne; it is given up, everything else goes on", exc_info=error)
    return in_words(error)


def in_words(error: BaseException) -> str:
    """An error that nobody foresaw."""
    if isinstance(error, MemoryError):
        return "to read it took more memory than there is"
    if isinstance(error, RecursionError):
        return "it is nested too deep to be read"
    said = " ".join(str(error).split())[:_REASON_CHARS]
    return storable(f"reading it failed: {type(error).__name__}{f': {said}' if said else ''}")


class Damage:
    """A block in which nothing but an object's bytes is looked at: what it raises is damage of the object.

    FetchErrors, and errors of the pipeline's own servers, pass through.
    """

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, (FetchError, *_OURS, *_ENDS)):
            return
        if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:  # a full disk under the spool
            raise TemporaryError(f"{error.filename or 'a file'}: {error.strerror or error}") from error
        if isinstance(error, MemoryError):  # what others hold at the moment is not this object's fault
            raise TemporaryError(f"{in_words(error)}; it is tried again: give the fetcher more") from error
        log.error("an object could not be read", exc_info=error)
        raise DamagedError(in_words(error)) from error


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """asyncio.to_thread, which hands every error on. Raises Unforeseen for what it could not."""
    return await asyncio.to_thread(_deliverable(call), *args, **kwargs)


def _deliverable(call: Callable[P, T]) -> Callable[P, T]:
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return call(*args, **kwargs)
        except StopIteration as error:
            raise Unforeseen(in_words(error)) from error
        except (Exception, *_ENDS):
            raise
        except BaseException as error:
            raise Unforeseen(in_words(error)) from error

    return run
