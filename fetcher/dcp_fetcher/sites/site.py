"""Where an object's bytes come from, seen by the procedure that reads it: HTTP or a file, the same to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from dcp_pipeline.ledger.model import SourceObject


class Stream(Protocol):
    """The bytes of one version, as the source serves them. Blocking."""

    on_pause: Callable[[], None] | None
    """Called when the next bytes keep the reader waiting."""
    on_bytes: Callable[[int], None] | None
    """Told how many bytes came."""

    @property
    def end_known(self) -> bool:
        """Whether the end, once read() has said so, is one; otherwise there may be more than came."""
        ...

    def read(self, most: int) -> bytes:
        """Some bytes; none at the end. Raises TemporaryError or Stopped."""
        ...

    def seek(self, offset: int) -> bool:
        """Go on at `offset`; False where the source cannot, and nothing has moved."""
        ...

    def check_unchanged(self) -> None:
        """To be called at the end. Raises ChangedError where what was read may be of two versions."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Opened:
    """An answer of the source: one version of an object, to be read from `offset` on.

    `version` is its token: ETag, else time and size, else its digest.
    """

    version: str
    stream: Stream
    offset: int = 0
    etag: str | None = None
    last_modified: str | None = None
    size_bytes: int | None = None
    content_encoding: str = ""
    content_type: str = ""
    more: str | None = None
    """What says that it is only a part of what there is."""
    age_seconds: float | None = None
    """How long ago it was changed, by the source's own clock."""


class Site(Protocol):
    """A source that can be asked for one of its objects."""

    def named(self, url: str) -> str:
        """The name of the object at a URL: how the ledger, logs and people know it. Opened by it from now on."""
        ...

    def recorded(self, uri: str) -> str:
        """The name of an object that the ledger has: an older release called it by its whole URL."""
        ...

    def open(self, uri: str, latest: SourceObject | None, settled: bool) -> Opened | None:
        """What is served now; None where that is still the version `latest` and this was `settled`.

        Raises GoneError, RefusedError, TemporaryError (after its own retries) or Stopped.
        """
        ...

    def open_growing(self, uri: str, known: SourceObject | None, offset: int) -> Opened | None:
        """A growing file from `offset` on, or from 0 where that cannot be; None where it has not changed.

        Raises ChangedError where the file is shorter than that, and what open() raises.
        """
        ...
