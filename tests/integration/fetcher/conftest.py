from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.feed_server import FeedServer, feed_server


@pytest.fixture
def feed() -> Iterator[FeedServer]:
    """A feed server of this test's own."""
    with feed_server() as server:
        yield server
