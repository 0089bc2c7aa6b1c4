"""What every kind of source is for those who watch it, and what it is given."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from dcp_fetcher.ground.patience import Backoff, Stop
from dcp_fetcher.ground.ports import Secrets
from dcp_fetcher.sites.listing import Entry
from dcp_fetcher.sites.site import Site
from dcp_pipeline.spec.model import Source


@dataclass(frozen=True)
class Around:
    """What a source is given. `located` turns a path of the spec into a file's; `spool_folder` keeps downloads; `stack`
    closes clients; `parts`: a part of a listing will do."""

    secrets: Secrets
    located: Callable[[str], Path]
    spool_folder: Path | None
    backoff: Backoff
    stop: Stop
    stack: AsyncExitStack
    parts: bool = False


class Place(Protocol):
    """One source, opened on the event loop."""

    @property
    def site(self) -> Site:
        """Who opens what is listed."""
        ...

    @property
    def follows(self) -> bool:
        """Whether growing files are known by what they are, whatever they are called."""
        ...

    @property
    def path(self) -> Path | None:
        """Where on this machine it is, for tasks that name a file."""
        ...

    async def entries(self) -> list[Entry]:
        """What is there now, as far as it is wanted. Raises FetchError or Stopped."""
        ...

    def covers(self, uri: str) -> bool:
        """Whether entries() would name a uri that is there."""
        ...

    async def stranger(self) -> Site | None:
        """Who opens what a task names elsewhere: without credentials, with no authority of ours. None: nobody may."""
        ...


class Kind(Protocol):
    """A file of this folder."""

    async def place(self, source: Source, around: Around) -> Place: ...


async def place_of(source: Source, around: Around) -> Place:
    """The source, opened."""
    return await cast(Kind, import_module(f"dcp_fetcher.sites.kinds.{source.kind}")).place(source, around)
