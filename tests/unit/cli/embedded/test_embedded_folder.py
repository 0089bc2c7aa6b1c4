"""The embedded server's folder: nothing is removed but what is proven to be ours."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dcp_cli.embedded.folder import LOG, MARK, folders_of, is_own, make_folder, remove_folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go; with a path short enough for a socket."""
    short = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    yield short
    shutil.rmtree(short)


def test_what_was_made_is_found_and_removed_with_what_is_ours(temporary: Path, tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    folder, foreign = make_folder(mine), make_folder(other)
    (folder / LOG).write_text("ready")
    assert folders_of(mine) == [folder]
    assert not is_own(folder, other)
    assert remove_folder(folder, mine)
    assert list(temporary.iterdir()) == [foreign]


def unmarked(folder: Path, _: Path) -> None:
    (folder / MARK).unlink()


def marked_by_half(folder: Path, _: Path) -> None:
    text = (folder / MARK).read_bytes()
    (folder / MARK).write_bytes(text[: len(text) // 2])


def marked_for_another(folder: Path, _: Path) -> None:
    (folder / MARK).write_text((folder / MARK).read_text().replace("mine", "mine/deeper"))


def marked_by_a_link(folder: Path, home: Path) -> None:
    (home / "copy").write_bytes((folder / MARK).read_bytes())
    (folder / MARK).unlink()
    (folder / MARK).symlink_to(home / "copy")


def open_to_others(folder: Path, _: Path) -> None:
    folder.chmod(0o755)


def marked_by_a_pipe(folder: Path, _: Path) -> None:
    (folder / MARK).unlink()
    os.mkfifo(folder / MARK)


@pytest.mark.parametrize(
    "spoil", [unmarked, marked_by_half, marked_for_another, marked_by_a_link, open_to_others, marked_by_a_pipe]
)
def test_a_folder_that_is_not_proven_stays(
    temporary: Path, tmp_path: Path, spoil: Callable[[Path, Path], None]
) -> None:
    folder = make_folder(tmp_path / "mine")
    (folder / LOG).write_text("somebody's")
    spoil(folder, tmp_path)
    assert not remove_folder(folder, tmp_path / "mine")
    assert folders_of(tmp_path / "mine") == []
    assert (folder / LOG).read_text() == "somebody's"


def test_a_link_with_our_name_is_not_followed(temporary: Path, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "mine")
    link = folder.with_name(folder.name + "x")
    link.symlink_to(folder)
    assert not remove_folder(link, tmp_path / "mine")
    assert folders_of(tmp_path / "mine") == [folder]


def test_a_file_of_somebody_in_our_folder_stays_with_it(temporary: Path, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "mine")
    (folder / "thesis.txt").write_text("the only copy")
    (folder / "deep").mkdir()
    assert not remove_folder(folder, tmp_path / "mine")
    assert (folder / "thesis.txt").read_text() == "the only copy"


@pytest.mark.parametrize("path", ["", ".", "/", "relative/dcp-valkey-x"])
def test_no_other_path_is_ours(tmp_path: Path, path: str) -> None:
    assert not is_own(Path(path), tmp_path)
    assert not remove_folder(Path(path), tmp_path)


def test_a_path_too_long_for_a_socket_is_told_before_anything_starts(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = temporary / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with pytest.raises(OSError, match="set TMPDIR to another"):
        make_folder(tmp_path / "mine")
    assert list(long.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "there"),
    [("{run}", True), ("{run}:/elsewhere", True), ("{run}/gone", False), ("", False), ("run", False)],
)
def test_a_service_has_its_socket_where_others_see_it(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, there: bool
) -> None:
    run = temporary / "run"
    run.mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", given.format(run=run))
    folder = make_folder(tmp_path / "state")
    assert folder.parent == (run if there else temporary)
    assert folders_of(tmp_path / "state") == [folder]
    assert remove_folder(folder, tmp_path / "state")
