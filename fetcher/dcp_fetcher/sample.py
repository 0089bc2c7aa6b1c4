"""The first records, or bytes, of a source, read as the fetcher reads but recorded nowhere: for `dcp preview`
and `dcp infer`.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from dcp_fetcher.cutting.split import RawCut, Splitter
from dcp_fetcher.ground.errors import FetchError, GoneError
from dcp_fetcher.ground.patience import Backoff, Stop
from dcp_fetcher.opening.as_lines import type_beginning
from dcp_fetcher.opening.decompress import Peekable
from dcp_fetcher.publishing.cuts import batch_of, cut_of
from dcp_fetcher.reading import CHUNK_BYTES, Content, HowToCut
from dcp_fetcher.sites.kinds.place import Around, place_of
from dcp_fetcher.sites.listing import Entry
from dcp_fetcher.sites.site import Opened, Site
from dcp_pipeline.batch import Batch
from dcp_pipeline.ledger.model import SourceObject
from dcp_pipeline.setup import Setup
from dcp_pipeline.spec.model import BatchSize, Format, Source

T = TypeVar("T")
_QUICKLY = Backoff(attempts=2)
_MAGIC_BYTES = 4096


@dataclass(frozen=True)
class Sample:
    """The beginning of one object."""

    uri: str
    objects: int
    """Listed at the source."""
    batches: tuple[Batch, ...]


@dataclass(frozen=True)
class Spread:
    """Batches from all over one object. `whole`: up to its end."""

    uri: str
    batches: tuple[Batch, ...]
    whole: bool


@dataclass(frozen=True)
class Head:
    """The beginning of one object, decompressed. `whole`: it ends here. `magic` is of the bytes as served."""

    uri: str
    magic: bytes
    start: bytes
    whole: bool


def sample(setup: Setup, source: Source, records: int) -> Sample:
    """About the first `records` records of the source's first object that has any.

    Raises FetchError where the source, or none of its objects, can be read.
    """
    return asyncio.run(_at(setup, source, partial(_first, setup, source, records)))


def spread(setup: Setup, source: Source, records: int, most_bytes: int) -> Spread:
    """Batches from the beginning, the middle and the end of the source's first object that has any, as far as
    `most_bytes` of it reach. Raises FetchError where nothing can be read.
    """
    return asyncio.run(_at(setup, source, partial(_spread, setup, source, records, most_bytes)))


def head(setup: Setup, source: Source, most_bytes: int) -> Head:
    """The beginning of the source's first object that has any byte. Raises FetchError where there is none."""
    return asyncio.run(_at(setup, source, partial(_head, source, most_bytes)))


async def _at(setup: Setup, source: Source, look: Callable[[Site, list[str]], T]) -> T:
    stop = Stop()
    with tempfile.TemporaryDirectory(prefix="dcp-preview-") as folder:
        async with AsyncExitStack() as stack:
            around = Around(setup.secrets, setup.located, Path(folder), _QUICKLY, stop, stack, parts=True)
            place = await place_of(source, around)
            listed = _readable(await place.entries())
            return await asyncio.to_thread(look, place.site, [place.site.named(each) for each in listed])


def _readable(entries: list[Entry]) -> list[str]:
    return [each.url for each in entries if not each.left_out and each.problem is None]


def _first(setup: Setup, source: Source, records: int, site: Site, uris: list[str]) -> Sample:
    for uri in uris:
        opened = site.open(uri, None, settled=False)
        if opened is None:
            continue
        with closing(opened.stream):
            batches = tuple(_batches(setup, source, records, uri, opened))
        if batches:
            return Sample(uri, len(uris), batches)
    raise GoneError(f"no records in {len(uris)} objects")


def _spread(setup: Setup, source: Source, records: int, most: int, site: Site, uris: list[str]) -> Spread:
    for uri in uris:
        opened = site.open(uri, None, settled=False)
        if opened is None:
            continue
        kept: list[Batch] = []
        last: Batch | None = None
        number, whole = 0, True
        with closing(opened.stream):
            for number, batch in enumerate(_batches(setup, source, records, uri, opened, most), 1):
                last = batch
                if number & (number - 1) == 0:  # the 1st, 2nd, 4th, 8th ...
                    kept.append(batch)
            whole = not opened.stream.read(1)
        if last is not None:
            return Spread(uri, (*kept, *([] if number & (number - 1) == 0 else [last])), whole)
    raise GoneError(f"no records in {len(uris)} objects")


def _head(source: Source, most_bytes: int, site: Site, uris: list[str]) -> Head:
    how = HowToCut(Format(header=False), BatchSize(), source.decompression, parts=True)
    for uri in uris:
        magic = opened_bytes(site, uri)
        if type_beginning(magic) is not None:
            return Head(uri, magic, b"", False)
        opened = site.open(uri, None, settled=False)
        if opened is None or not magic:
            continue
        with closing(opened.stream):
            content, start = Content(opened, how), bytearray()
            while len(start) < most_bytes and (data := content.read(most_bytes - len(start))):
                start += data
            return Head(uri, magic, bytes(start), len(start) < most_bytes)
    raise GoneError(f"no bytes in {len(uris)} objects")


def opened_bytes(site: Site, uri: str) -> bytes:
    """An object's first bytes, as served."""
    opened = site.open(uri, None, settled=False)
    if opened is None:
        return b""
    with closing(opened.stream):
        return Peekable(opened.stream).peek(_MAGIC_BYTES)


def _batches(
    setup: Setup, source: Source, records: int, uri: str, opened: Opened, most_bytes: int | None = None
) -> Iterator[Batch]:
    """Batches of `records` records: the first of them, or as many as `most_bytes` hold."""
    how = HowToCut(source.format, BatchSize(max_records=records), source.decompression, parts=True)
    content = Content(opened, how)
    splitter = Splitter(how.form, how.batch, relabelled=content.relabelled)
    given = 0
    while most_bytes is None or content.at < most_bytes:
        data = content.read(CHUNK_BYTES)
        for cut in splitter.feed(data) if data else splitter.finish():
            yield _batch(setup, source, uri, cut, splitter)
            given += cut.records
            if most_bytes is None and given >= records:
                return
        if not data:
            return


def _batch(setup: Setup, source: Source, uri: str, cut: RawCut, splitter: Splitter) -> Batch:
    header = splitter.header.labels if splitter.header else None
    found = SourceObject("preview", setup.pipeline.key, source.name, uri, "preview", "preview", header=header)
    return batch_of(found, cut_of(found, cut), cut.raw)


__all__ = ["FetchError", "Head", "Sample", "Spread", "head", "sample", "spread"]
