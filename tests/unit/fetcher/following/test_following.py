"""Which file is which, by hints alone; and what a rotated name was made of."""

from __future__ import annotations

import pytest

from dcp_fetcher.following.match import Found, match, rotated_from
from dcp_pipeline.ledger.model import SourceObject

BASES = frozenset({"app.log", "access-2.log", "plain"})


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("app.log.1", "app.log"),
        ("app.log.12.gz", "app.log"),
        ("app.log.gz", "app.log"),
        ("app.log-20261129", "app.log"),
        ("app.log-20261129-1795919821.xz", "app.log"),
        ("app.log.2026-11-29T01:02:03Z", "app.log"),
        ("app-20261129.log.zst", "app.log"),
        ("app.2.log", "app.log"),
        ("app.log.old", "app.log"),
        ("access-2.log.1", "access-2.log"),
        ("plain.1", "plain"),
        ("app.log", None),
        ("access-2.log", None),
        ("app.log.d", None),
        ("app.log.1.csv", None),
        ("other.log.1", None),
        ("application.log.1", None),
        ("", None),
    ],
)
def test_what_a_name_was_made_of(name: str, base: str | None) -> None:
    assert rotated_from(name, BASES) == base


def found(inode: int, size: int, name: str = "app.log") -> Found:
    return Found(f"file:///l/{name}", name, 1, inode, size, 5, listed=True, rotated=False)


def generation(id_: str, identity: str, size: int) -> SourceObject:
    version = "growing:1:plain:x"
    return SourceObject(id_, "p/p", "s", "file:///l/app.log", version, "r", etag=identity, size_bytes=size)


@pytest.mark.parametrize(
    ("identity", "size", "denied", "at_home"),
    [
        ("1:7", 100, set(), True),
        ("9:7", 100, set(), True),  # devices are numbered anew by a reboot: a hint, no proof
        ("7", 100, set(), True),  # an older release's
        ("1:8", 100, set(), False),
        ("1:7", 101, set(), False),  # it shrank
        ("1:7", 100, {("g", "1:7")}, False),
        ("", 100, set(), False),
    ],
)
def test_inode_and_size_are_the_hint(identity: str, size: int, denied: set[tuple[str, str]], at_home: bool) -> None:
    file = found(7, 100)
    matched = match([file], [generation("g", identity, size)], denied)
    assert (matched.homes, list(matched.unknown)) == (({"g": file}, []) if at_home else ({}, [file]))


def test_of_two_generations_under_one_inode_the_newest_is_there() -> None:
    matched = match([found(7, 100)], [generation("new", "1:7", 50), generation("old", "1:7", 80)], set())
    assert list(matched.homes) == ["new"]
