"""A feed, and what an independent implementation makes of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from oracle.oracle import Expected, expect
from support.botnet_feed import write_feed
from support.dcp_process import EXAMPLES, served

RECORDS = 12_000


@pytest.fixture(scope="session")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Expected]]:
    folder = tmp_path_factory.mktemp("feed")
    paths = write_feed(folder, RECORDS, files=2, seed=7)
    with served(folder) as url:
        yield url, expect(paths, EXAMPLES / "country.mmdb")
