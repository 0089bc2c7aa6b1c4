"""Looks at one object whose bytes a test holds in memory: no server, no process, a clock of the test's own."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from dcp_fetcher.ground.patience import Patience, Stop
from dcp_fetcher.ground.progress import Progress
from dcp_fetcher.ground.vitals import Vitals
from dcp_fetcher.objects import Look, ObjectReader, SourceTerms
from dcp_fetcher.publishing.done import DoneLog
from dcp_fetcher.publishing.publish import Outlet
from dcp_fetcher.reading import HowToCut
from dcp_fetcher.settling import Settling
from dcp_fetcher.sites.site import Opened
from dcp_fetcher.sites.versions import base_of
from dcp_pipeline.batch import digest_of
from dcp_pipeline.ledger.model import SourceObject
from dcp_pipeline.observe.phases import unobserved
from dcp_pipeline.observe.pulse import Pulse
from dcp_pipeline.spec.model import BatchSize, Decompression, Format
from support.fetcher_fakes import FakeLedger, FakeQueue

URI = "memory://file"
SETTLE_SECONDS = 60.0


class Bytes(io.BytesIO):
    """A stream of a site."""

    on_pause = None
    on_bytes = None
    end_known = True

    def seek(self, offset: int, whence: int = 0) -> bool:  # type: ignore[override]
        super().seek(offset, whence)
        return True

    def check_unchanged(self) -> None:
        return


@dataclass
class MemorySite:
    """Serves `content`, with its digest as version."""

    content: bytes = b""

    def open(self, uri: str, latest: SourceObject | None, settled: bool) -> Opened | None:
        version = digest_of(self.content)
        if settled and latest is not None and base_of(latest.version) == version:
            return None
        return Opened(version, Bytes(self.content), size_bytes=len(self.content))

    def open_growing(self, uri: str, known: SourceObject | None, offset: int) -> Opened | None:
        raise NotImplementedError


@dataclass
class Watched:
    """A file that is looked at whenever a test says so."""

    form: Format
    max_records: int = 7
    site: MemorySite = field(default_factory=MemorySite)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    queue: FakeQueue = field(default_factory=FakeQueue)
    now: float = 0.0

    def __post_init__(self) -> None:
        stop = Stop()
        self._settling = Settling(SETTLE_SECONDS, lambda: self.now)
        self._outlet = Outlet(
            ledger=self.ledger,
            queue=self.queue,
            max_queue_bytes=1 << 30,
            patience=Patience(stop),
            stop=stop,
            progress=Progress(),
            observer=unobserved,
            vitals=Vitals(Pulse()),
            done=DoneLog(),
        )
        self._begin()

    def _begin(self) -> None:
        how = HowToCut(self.form, BatchSize(max_records=self.max_records), Decompression())
        terms = SourceTerms("default/test", "files", "r" * 32, 1, False, how, lambda _: None, self._settling, "t")
        self._reader = ObjectReader(terms, self.site, self._outlet)

    def restart(self) -> None:
        """A process that starts anew remembers nothing."""
        self._settling = Settling(SETTLE_SECONDS, lambda: self.now)
        self._begin()

    def look(self, content: bytes) -> Look:
        """What comes of looking while the file holds this."""
        self.site.content = content
        incomplete = frozenset(each.id for each in self.ledger.incomplete_objects())
        return self._reader.look(URI, self.ledger.objects("files", [URI]), incomplete)

    def settle(self) -> None:
        """Time goes by."""
        self.now += SETTLE_SECONDS
