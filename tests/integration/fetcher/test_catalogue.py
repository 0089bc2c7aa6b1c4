"""A history longer than a page: what is known is known on every page of it, and a look asks for what is listed only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from dcp_fetcher.catalogue import PAGE_OBJECTS, Catalogue
from dcp_fetcher.publishing.publish import Outlet
from dcp_fetcher.sites.site import Site
from dcp_pipeline.batch import object_id
from dcp_pipeline.ledger.model import ObjectState
from support.fetcher_fakes import FakeLedger
from support.fetching import Fetching, file_source

FILES = 2 * PAGE_OBJECTS + 3


def test_of_a_long_listing_only_what_is_new_or_changed_is_read(tmp_path: Path) -> None:
    for number in range(FILES):
        (tmp_path / f"{number:05}.csv").write_text(f"a,b\n{number},x\n")
    fetching = Fetching(file_source(tmp_path), max_records=10)
    assert fetching.run().problems == ()
    fetching.work()
    assert len(fetching.ledger.all_objects()) == FILES
    (tmp_path / f"{FILES - 1:05}.csv").write_text("a,b\nchanged,y\n")
    (tmp_path / "00000.csv").unlink()
    (tmp_path / "zzz.csv").write_text("a,b\nnew,z\n")
    fetching.ledger.switch.calls.clear()
    assert fetching.run().problems == ()
    assert sorted(fetching.records().split()) == [b"changed,y", b"new,z"]
    assert fetching.ledger.switch.calls["objects"] < 20


def test_a_batch_is_queued_again_of_an_object_on_any_page_listed_or_not(tmp_path: Path) -> None:
    for number in range(FILES):
        (tmp_path / f"{number:05}.csv").write_text(f"a,b\n{number},x\n")
    fetching = Fetching(file_source(tmp_path), max_records=10)
    fetching.run()
    fetching.queue.flush()
    assert fetching.run().problems == ()
    assert len(fetching.queue.batches()) == FILES


def test_what_was_unavailable_and_is_gone_is_history_however_long_that_is(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,x\n")
    fetching = Fetching(file_source(tmp_path), max_records=10)
    fetching.run()
    (found,) = fetching.ledger.all_objects()
    for number in range(FILES):
        uri = f"{tmp_path.as_uri()}/gone-{number}.csv"
        gone = replace(found, uri=uri, id=object_id(found.pipeline, found.source, uri, found.version))
        fetching.ledger.open_object(replace(gone, state=ObjectState.UNAVAILABLE, reason="damaged"))
    fetching.run()
    states = [each.state for each in fetching.ledger.all_objects()]
    assert states.count(ObjectState.HISTORY) == FILES


class _Site:
    """An older release called an object by its whole URL."""

    def recorded(self, uri: str) -> str:
        return uri.partition("?")[0]


class _Outlet:
    def __init__(self, ledger: FakeLedger) -> None:
        self.ledger = ledger

    def patience(self, work: Callable[[], Any]) -> Any:
        return work()


@pytest.mark.parametrize("before", [0, PAGE_OBJECTS - 2, PAGE_OBJECTS - 1, PAGE_OBJECTS])
def test_versions_of_one_name_are_newest_first_wherever_a_page_would_end(tmp_path: Path, before: int) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,x\n")
    fetching = Fetching(file_source(tmp_path), max_records=10)
    fetching.run()
    (first,) = fetching.ledger.all_objects()
    name = "http://feed/z.csv"
    for version, uri in enumerate((name, f"{name}?token=1", f"{name}?token=2")):
        of = object_id(first.pipeline, first.source, uri, str(version))
        fetching.ledger.open_object(replace(first, uri=uri, version=str(version), id=of))
    catalogue = Catalogue(first.source, cast(Site, _Site()), cast(Outlet, _Outlet(fetching.ledger)))
    names = [f"http://feed/{number}.csv" for number in range(before)]
    assert [each.version for each in catalogue.known([*names, name], {}).of(name)] == ["2", "1", "0"]
