"""What `make cluster-purge` may remove."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.cluster import cache
from e2e.cluster.progress import ClusterError


def test_a_new_cache_is_taken_and_purged_whole(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "cache"
    cache.take(folder)
    (folder / "bin" / "kind-1").mkdir(parents=True)
    (folder / "lock").touch()
    cache.take(folder)
    cache.purge(folder)
    assert not folder.exists()


def test_the_default_folder_of_an_older_release_is_ours(tmp_path: Path) -> None:
    folder = tmp_path / "dcp-e2e"
    (folder / "engine").mkdir(parents=True)
    cache.take(folder)
    cache.purge(folder)
    assert not folder.exists()


@pytest.mark.parametrize(("name", "found"), [("work", "bin"), ("work", "thesis.txt"), ("dcp-e2e", "thesis.txt")])
def test_a_folder_of_somebody_is_neither_taken_nor_purged(tmp_path: Path, name: str, found: str) -> None:
    folder = tmp_path / name
    (folder / found).mkdir(parents=True)
    (folder / found / "page").write_text("the only copy")
    with pytest.raises(ClusterError, match=found):
        cache.take(folder)
    with pytest.raises(ClusterError, match="stays"):
        cache.purge(folder)
    assert (folder / found / "page").read_text() == "the only copy"


def test_what_somebody_put_into_our_cache_stays_and_a_link_is_not_followed(tmp_path: Path) -> None:
    folder, mine = tmp_path / "cache", tmp_path / "mine"
    mine.mkdir()
    (mine / "page").touch()
    cache.take(folder)
    (folder / "thesis.txt").touch()
    (folder / "tools").symlink_to(mine)
    cache.purge(folder)
    assert [each.name for each in folder.iterdir()] == ["thesis.txt"]
    assert (mine / "page").exists()
