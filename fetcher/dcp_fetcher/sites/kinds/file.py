"""file: a folder, or one file (files/site.py)."""

from __future__ import annotations

from pathlib import Path

from dcp_fetcher.ground.wall import in_thread
from dcp_fetcher.sites.files.site import FileSite, list_files
from dcp_fetcher.sites.kinds.place import Around
from dcp_fetcher.sites.listing import Entry
from dcp_pipeline.spec.model import Source
from dcp_pipeline.spec.sources.file import FileSource


async def place(source: Source, around: Around) -> Files:
    """The source, opened."""
    settings = source.where(FileSource)
    assert settings is not None
    return Files(settings, around)


class Files:
    """Files right in a folder, or one."""

    follows = True

    def __init__(self, settings: FileSource, around: Around) -> None:
        self._settings, self._around = settings, around
        self.site = FileSite(lambda: self.path)

    @property
    def path(self) -> Path:
        """Asked for anew: what the spec says of where it is may be made later."""
        return self._around.located(self._settings.path)

    async def entries(self) -> list[Entry]:
        return await in_thread(list_files, self.path, self._settings)

    def covers(self, uri: str) -> bool:
        path = self.path
        return path.is_dir() and uri.rpartition("/")[0] == path.resolve().as_uri()

    async def stranger(self) -> None:
        return None
