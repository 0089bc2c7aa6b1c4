"""One generated feed and what the oracle makes of it, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from oracle.oracle import Expected, expect
from support.botnet_feed import write_feed
from support.dcp_process import EXAMPLES, served

RECORDS = 50_000


@dataclass(frozen=True)
class Feed:
    """A feed on the air, with the oracle's expectation."""

    url: str
    paths: list[Path]
    expected: Expected


@pytest.fixture(scope="session")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Feed]:
    folder = tmp_path_factory.mktemp("feed")
    paths = write_feed(folder, RECORDS, files=5, seed=20261122)
    expected = expect(paths, EXAMPLES / "country.mmdb")
    assert expected.duplicates > RECORDS * 0.03
    assert expected.rejected > RECORDS * 0.01
    with served(folder) as url:
        yield Feed(url, paths, expected)
