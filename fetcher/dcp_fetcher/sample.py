"""The first records of a source, cut as the fetcher cuts but recorded nowhere: for `dcp preview`."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from dcp_fetcher.errors import FetchError, GoneError
from dcp_fetcher.file_site import FileSite, list_files
from dcp_fetcher.http_client import HttpClient
from dcp_fetcher.http_listing import list_http
from dcp_fetcher.http_site import HttpSite
from dcp_fetcher.patience import Backoff, Bridge, Stop
from dcp_fetcher.reading import CHUNK_BYTES, Content, HowToCut
from dcp_fetcher.sites import Opened, Site
from dcp_fetcher.split import RawCut, Splitter
from dcp_pipeline.batch import Batch, compress
from dcp_pipeline.setup import Setup
from dcp_pipeline.spec.model import BatchSize, Source

_QUICKLY = Backoff(attempts=2)


@dataclass(frozen=True)
class Sample:
    """The beginning of one object."""

    uri: str
    objects: int
    """Listed at the source."""
    batches: tuple[Batch, ...]


def sample(setup: Setup, source: Source, records: int) -> Sample:
    """About the first `records` records of the source's first object that has any.

    Raises FetchError where the source, or none of its objects, can be read.
    """
    return asyncio.run(_sample(setup, source, records))


async def _sample(setup: Setup, source: Source, records: int) -> Sample:
    if source.http is None:
        if source.file is None:
            raise GoneError(f"source {source.name} has neither http nor file")
        entries = list_files(setup.located_source(source.file), source.file)
        return _first(setup, source, records, FileSite(), [each.url for each in entries])
    stop = Stop()
    with tempfile.TemporaryDirectory(prefix="dcp-preview-") as folder:
        async with HttpClient(source.http, setup.secrets) as client:
            listed = await list_http(client, source.http, _QUICKLY, stop)
            bridge = Bridge(asyncio.get_running_loop(), stop)
            site = HttpSite(bridge, stop, client, _QUICKLY, Path(folder), source.decompression.max_bytes.bytes)
            uris = [each.url for each in listed]
            return await asyncio.to_thread(_first, setup, source, records, site, uris)


def _first(setup: Setup, source: Source, records: int, site: Site, uris: list[str]) -> Sample:
    for uri in uris:
        opened = site.open(uri, None)
        if opened is None:
            continue
        with closing(opened.stream):
            batches = tuple(_batches(setup, source, records, uri, opened))
        if batches:
            return Sample(uri, len(uris), batches)
    raise GoneError(f"source {source.name}: no records in {len(uris)} objects")


def _batches(setup: Setup, source: Source, records: int, uri: str, opened: Opened) -> Iterator[Batch]:
    how = HowToCut(source.format, BatchSize(max_records=records), source.decompression)
    content, splitter = Content(opened, how), Splitter(how.form, how.batch)
    given = 0
    while given < records:
        data = content.read(CHUNK_BYTES)
        for cut in splitter.feed(data) if data else splitter.finish():
            yield _batch(setup, source, uri, cut, splitter)
            given += cut.records
            if given >= records:
                return
        if not data:
            return


def _batch(setup: Setup, source: Source, uri: str, cut: RawCut, splitter: Splitter) -> Batch:
    header = splitter.header
    return Batch(
        id="preview",
        pipeline=setup.pipeline.key,
        source=source.name,
        object_id="preview",
        uri=uri,
        sequence=cut.at.sequence,
        start=cut.at.offset,
        end=cut.end,
        records=cut.records,
        first_record=cut.at.record,
        first_line=cut.at.line,
        digest=cut.digest,
        revision="preview",
        header=header.labels if header else None,
        defect=cut.defect,
        body=compress(cut.raw),
    )


__all__ = ["FetchError", "Sample", "sample"]
