"""How often whoever read an object died of it, remembered where the next process finds it.

A reader that is killed for its memory, or by a library's abort, leaves no error behind: without a count the next
process would read the same object, and die of it, for ever. What is recorded of it since begins the count anew.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dcp_fetcher.ground.errors import DamagedError

log = logging.getLogger(__name__)


class Attempts:
    """One file for each object that is being read, in a folder that outlives the process. Without one nothing
    counts."""

    def __init__(self, folder: Path | None, max_crashes: int) -> None:
        self._folder, self._max_crashes = folder, max_crashes

    @contextmanager
    def reading(self, object_id: str, cuts: int) -> Iterator[None]:
        """While an object is read of which so many cuts are recorded. Raises DamagedError where it has ended its
        readers as often as worker.maxCrashes allows."""
        if self._folder is None:
            yield
            return
        path = self._folder / f"reading-{object_id}"
        deaths = _deaths(path, cuts)
        if deaths:
            log.warning("whoever read it before died of it or with it", extra={"object": object_id, "deaths": deaths})
        try:
            if deaths >= self._max_crashes:
                raise DamagedError(
                    f"whoever read it died {deaths} times (killed for its memory, or by a library's abort), as often "
                    "as worker.maxCrashes allows; `dcp objects reread` tries again"
                )
            with suppress(OSError):  # a full disk: then it does not count
                path.write_text(f"{deaths + 1} {cuts}")
            yield
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _deaths(path: Path, cuts: int) -> int:
    """Deaths since so many cuts are recorded."""
    try:
        number, before = path.read_text().split()
        return int(number) if int(before) == cuts else 0
    except (OSError, ValueError):
        return 0
