"""A fetcher on fakes: what the tests of the fetch path share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from dcp_fetcher.ground.patience import Backoff
from dcp_fetcher.loop import FetcherLoop, FetchReport
from dcp_fetcher.watch import Round
from dcp_pipeline.batch import Batch
from dcp_pipeline.observe.phases import Observer, unobserved
from dcp_pipeline.spec.model import Pipeline, SecretKeyRef
from dcp_pipeline.spec.units import decode_unit
from support.fetcher_fakes import FakeInbox, FakeLedger, FakeQueue

QUICK = Backoff(attempts=3, base_seconds=0.001, longest_seconds=0.01, longest_asked_seconds=0.02)


def http_source(url: str, **more: Any) -> dict[str, Any]:
    """A source of the spec; keys of `http` and, for growth and the like, of the source."""
    outside = {key: more.pop(key) for key in ("format", "decompression", "priority", "name") if key in more}
    return {"name": "feed", "http": {"url": url, "timeout": "5s", **more}, **outside}


def file_source(path: Path, **more: Any) -> dict[str, Any]:
    """A source of files."""
    outside = {key: more.pop(key) for key in ("format", "decompression", "priority", "name") if key in more}
    return {"name": "files", "file": {"path": str(path), **more}, **outside}


def pipeline_of(*sources: dict[str, Any], **spec: Any) -> Pipeline:
    """A pipeline with these sources."""
    document = {
        "apiVersion": "datacleaning.io/v1beta1",
        "kind": "DataCleaningPipeline",
        "metadata": {"name": "test"},
        "spec": {
            "sources": list(sources),
            "cleaning": {"fields": [{"name": "a", "from": ["a", "col1"]}], "unique": ["a"]},
            **spec,
        },
    }
    return msgspec.convert(document, Pipeline, dec_hook=decode_unit)


class Fetching:
    """A ledger, a queue and an inbox that outlive the fetchers that are started on them."""

    def __init__(self, *sources: dict[str, Any], max_records: int = 2, **spec: Any) -> None:
        self.ledger, self.queue, self.inbox = FakeLedger(), FakeQueue(), FakeInbox()
        self.secrets: dict[str, str] = {}
        self.max_records, self.spec, self.sources = max_records, spec, sources

    def fetcher(self, observer: Observer = unobserved, spool_folder: Path | None = None, **changes: Any) -> FetcherLoop:
        spec = {"fetcher": {"batch": {"maxRecords": self.max_records}}, **self.spec, **changes}
        return FetcherLoop(
            pipeline_of(*self.sources, **spec),
            ledger=self.ledger,
            queue=self.queue,
            inbox=self.inbox,
            secrets=self._secret,
            observer=observer,
            spool_folder=spool_folder,
            backoff=QUICK,
            care_seconds=0.2,
        )

    def run(self, observer: Observer = unobserved, settle: bool = False, **changes: Any) -> FetchReport:
        """A whole run, `--once`."""
        return asyncio.run(self.fetcher(observer, **changes).run(once=True, settle=settle))

    def round(self, **changes: Any) -> Round:
        """One look at the first source."""
        return asyncio.run(self.fetcher(**changes).run_round(self.sources[0]["name"]))

    def work(self) -> list[Batch]:
        """What a worker would do: take everything, settle it. The batches, in the order of the queue."""
        batches = self.queue.batches()
        self.ledger.done([batch.id for batch in batches])
        self.queue.flush()
        return batches

    def records(self, only: Callable[[Batch], bool] = lambda batch: True) -> bytes:
        """The bytes of all batches that are in the queue, in their order."""
        return b"".join(batch.raw() for batch in self.queue.batches() if only(batch))

    def _secret(self, ref: SecretKeyRef) -> str:
        if ref.key not in self.secrets:
            raise LookupError(f"secret {ref.name}, key {ref.key} is nowhere")
        return self.secrets[ref.key]
