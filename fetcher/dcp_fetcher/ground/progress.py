"""How far the fetcher is: for the progress line, /readyz and metrics."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from dcp_pipeline.spec.wanted_labels import LabelsFound


@dataclass(frozen=True)
class SourceProgress:
    """One source, as last seen. Times are Unix seconds."""

    listed: int = 0
    last_success: float | None = None
    last_error: str | None = None
    last_news: float | None = None
    """When records that were not known before were last cut."""


@dataclass(frozen=True)
class Snapshot:
    """The fetcher's figures since it started."""

    listed: int
    cut: int
    unchanged: int
    failed: int
    bytes_read: int
    records_cut: int
    current_uris: tuple[str, ...]
    waiting_for: str | None
    away: str | None
    """The server that everything waits for, with its error."""
    sources: dict[str, SourceProgress] = field(default_factory=dict)
    labels: dict[str, LabelsFound] = field(default_factory=dict)
    """Of each source's latest object whose labels are known."""
    reading_fraction: float | None = 0.0
    """Of the objects that are being read, the parts that were read, added up; None where a size is not known."""

    @property
    def text(self) -> str:
        """One line for people."""
        mebibytes = self.bytes_read / (1 << 20)
        # an object that changes is read again at each look, and counted each time, as is one that is unchanged
        looked_at = min(self.cut + self.unchanged + self.failed, self.listed)
        read = f"{looked_at:,} of {self.listed:,} objects looked at"
        line = f"{read}, {self.records_cut:,} records, {mebibytes:,.1f} MiB"
        if self.waiting_for:
            return f"{line}, waiting: {self.waiting_for}"
        return f"{line}, reading {self.current_uris[0]}" if self.current_uris else line


class Progress:
    """Counts, thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(("cut", "unchanged", "failed", "bytes_read", "records_cut"), 0)
        self._reading: dict[str, int] = {}
        self._parts: dict[str, tuple[int, int | None]] = {}
        """Of the objects that are being read: bytes read, bytes in all."""
        self._here = threading.local()
        self._sources: dict[str, SourceProgress] = {}
        self._labels: dict[str, LabelsFound] = {}
        self._waiting: str | None = None
        self._away: str | None = None

    def count(self, **increments: int) -> None:
        """Add to some of the counts."""
        with self._lock:
            for name, increment in increments.items():
                self._counts[name] += increment
            uri = getattr(self._here, "uri", None)
            if uri in self._parts:
                read, size = self._parts[uri]
                self._parts[uri] = (read + increments.get("bytes_read", 0), size)

    def opened(self, size_bytes: int | None) -> None:
        """The object that this thread reads has so many bytes to read; None: nobody knows."""
        with self._lock:
            if uri := getattr(self._here, "uri", None):
                self._parts[uri] = (0, size_bytes)

    @contextmanager
    def reading(self, uri: str) -> Iterator[None]:
        """While an object is looked at, by this thread."""
        self._here.uri = uri
        with self._lock:
            self._reading[uri] = self._reading.get(uri, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                self._reading[uri] -= 1
                if not self._reading[uri]:
                    del self._reading[uri]
                self._parts.pop(uri, None)

    def waiting(self, what: str | None) -> None:
        """Something that everything waits for; None once it is there."""
        with self._lock:
            self._waiting = what

    def away(self, what: str | None) -> None:
        """A server that does not answer; None once one does."""
        with self._lock:
            self._away = what

    def looked(self, source: str, listed: int, error: str | None) -> None:
        """A round over a source has ended."""
        with self._lock:
            before = self._sources.get(source, SourceProgress())
            success = time.time() if error is None else before.last_success
            self._sources[source] = replace(before, listed=listed, last_success=success, last_error=error)

    def brought_news(self, source: str) -> None:
        """Records of this source were cut that were not known before."""
        with self._lock:
            self._sources[source] = replace(self._sources.get(source, SourceProgress()), last_news=time.time())

    def labels(self, source: str, found: LabelsFound) -> None:
        """What a source's object has for labels."""
        with self._lock:
            self._labels[source] = found

    def snapshot(self) -> Snapshot:
        with self._lock:
            return Snapshot(
                listed=sum(each.listed for each in self._sources.values()),
                current_uris=tuple(self._reading),
                waiting_for=self._away or self._waiting,
                away=self._away,
                sources=dict(self._sources),
                labels=dict(self._labels),
                reading_fraction=_fraction(list(self._parts.values())),
                **self._counts,
            )


def _fraction(parts: list[tuple[int, int | None]]) -> float | None:
    if any(size is None for _, size in parts):
        return None
    return sum(min(1.0, read / size) for read, size in parts if size)
