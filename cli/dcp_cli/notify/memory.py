"""What each service was told, in a file of the pipeline's state folder: a restart tells nothing anew."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from dcp_cli.notify.telling import Entry
from dcp_pipeline.files.durable import write_durably

log = logging.getLogger(__name__)
FILE = "notices.json"
FIRST_RETRY_SECONDS = 60.0
LONGEST_RETRY_SECONDS = 3600.0


class Told(msgspec.Struct, frozen=True):
    """What one service knows, and when to try it again where it failed. Times are seconds since the epoch."""

    known: dict[str, Entry] = {}
    failures: int = 0
    next_try: float = 0.0


def failed(before: Told, now: float) -> Told:
    """What it knew it knows still; it is tried again later and later."""
    pause = min(FIRST_RETRY_SECONDS * 2**before.failures, LONGEST_RETRY_SECONDS)
    return msgspec.structs.replace(before, failures=before.failures + 1, next_try=now + pause)


class Memory:
    """The file. It is read at the first use; what cannot be read is as nothing, and said."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._told: dict[str, Told] | None = None

    def of(self, service: str) -> Told:
        """What a service knows."""
        return self._all().get(service, Told())

    def keep(self, told: dict[str, Told]) -> None:
        """Put in what changed, for these services and no others. A file that cannot be written is logged."""
        if told == self._all():
            return
        self._told = told
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(self._path, msgspec.json.encode(told).decode() + "\n")
        except OSError as error:
            log.warning("what was told cannot be kept, and may be told again: %s", error)

    def _all(self) -> dict[str, Told]:
        if self._told is None:
            try:
                self._told = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Told])
            except FileNotFoundError:
                self._told = {}
            except (OSError, msgspec.DecodeError) as error:
                log.warning("%s cannot be read; what lasts may be told again: %s", self._path, error)
                self._told = {}
        return self._told
