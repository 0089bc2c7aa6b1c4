"""What can go wrong with one object, by what is to be done about it."""

from __future__ import annotations


class FetchError(Exception):
    """Reading an object failed. The message is for people and never holds a secret."""


class Stopped(FetchError):
    """The fetcher was asked to stop while it waited or read. Nothing is wrong with the object."""


class TemporaryError(FetchError):
    """Worth another try: a timeout, a broken connection, a server that is busy.

    `retry_after_seconds` is what the server asked for, if it did.
    """

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class UnreachableError(TemporaryError):
    """Tried as often as one round allows; the next round tries again."""


class RefusedError(FetchError):
    """The server will not give it, and asking again the same way will not help (401, 403, a redirect loop)."""


class GoneError(FetchError):
    """It is not there (404, 410, a file that was removed)."""


class DamagedError(FetchError):
    """The bytes are not what they should be: truncated, corrupt, over a cap, without a readable header."""


class DeadlyError(DamagedError):
    """Who reads it dies, with no error of its own."""


class CutOffError(DamagedError):
    """The bytes end before the end that their format marks. Of a file that is being written the rest may still come."""


class NotRecordsError(FetchError):
    """The answer is a web page where records were expected."""


class ChangedError(FetchError):
    """The bytes are not those that were read before under the same version token."""
