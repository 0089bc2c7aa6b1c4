"""Which files are meant: what editors, downloads and systems leave behind is not, unless a pattern of its kind says so."""

from __future__ import annotations

import pytest

from dcp_fetcher.ground.names import is_member, wanted

LEFT_BEHIND = [
    "~$report.xlsx",
    ".report.csv.swp",
    ".#a.csv",
    ".~lock.report.ods#",
    "a.csv~",
    "#a.csv#",
    "a.csv.part",
    "a.csv.crdownload",
    "A.CSV.TMP",
    "a.csv.filepart",
    "part-0.csv._COPYING_",
    ".DS_Store",
    "._a.csv",
    "Thumbs.db",
    "desktop.ini",
    ".a.csv.Xq31fZ",
]


@pytest.mark.parametrize("name", LEFT_BEHIND)
def test_what_is_left_behind_is_not_meant(name: str) -> None:
    assert not wanted(name, (), ())
    assert not wanted(name, ("*",), ())
    assert wanted(name, (name.replace("[", "?"),), ())
    assert not is_member(f"folder/{name}", ())


@pytest.mark.parametrize(
    "name", ["a.csv", "party.csv", "a.part1.csv", "swp", "tmp.csv", "~a.csv", "a#b.csv", "数据.csv"]
)
def test_what_only_looks_a_little_like_it_is_meant(name: str) -> None:
    assert wanted(name, (), ())


def test_a_pattern_of_its_kind_is_what_asks_for_it() -> None:
    assert not wanted("~$a.xlsx", ("*.xlsx",), ())
    assert wanted("~$a.xlsx", ("*.xlsx", "~$*"), ())
    assert not wanted("~$a.xlsx", ("~$*",), ("*a*",))
    assert wanted(".env.csv", (".*",), ())


def test_of_an_archive_neither_a_macs_folder_nor_the_readme() -> None:
    assert not is_member("__MACOSX/data/a.csv", ())
    assert not is_member("__MACOSX/data/a.csv", ("*.csv",))
    assert is_member("__MACOSX/data/a.csv", ("__MACOSX/*",))
    assert not is_member("d/README.md", ())
    assert not is_member("LICENSE", ())
    assert is_member("README.md", ("*.md",))
    assert is_member("./data/readme-2026.csv", ())
