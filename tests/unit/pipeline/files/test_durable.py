"""Files that are written whole or not at all."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from dcp_pipeline.files.durable import put_in_place, write_durably


@pytest.mark.parametrize("text", ["unix:///tmp/x/valkey.sock", "", "läßt\nsich\n", "x" * 100_000])
def test_what_is_written_stands_there_and_nothing_beside_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "note"
    for before in ("", "longer than what follows" * 9000):
        path.write_text(before)
        write_durably(path, text)
        assert path.read_bytes() == text.encode()
        assert [each.name for each in tmp_path.iterdir()] == ["note"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("a letter")
    (tmp_path / "note").symlink_to(mine)
    write_durably(tmp_path / "note", "new")
    assert (mine.read_text(), (tmp_path / "note").read_text()) == ("a letter", "new")
    assert not (tmp_path / "note").is_symlink()


WRITES = "import sys; from pathlib import Path; from dcp_pipeline.files.durable import write_durably as w; w(Path(sys.argv[1]), 'x' * 9000)"


@pytest.mark.parametrize("room_bytes", [0, 1, 4096, 8999])
def test_a_disk_that_is_full_in_the_middle_leaves_what_was_there(tmp_path: Path, room_bytes: int) -> None:
    path = tmp_path / "note"
    path.write_text("before")
    done = subprocess.run(
        [sys.executable, "-B", "-c", WRITES, str(path)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, room_bytes)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "OSError" in done.stderr
    assert str(path) in done.stderr.splitlines()[-1], "which file it was"
    assert path.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["note"]


def test_a_finished_file_takes_the_place_of_another(tmp_path: Path) -> None:
    (tmp_path / "made").write_text("new")
    (tmp_path / "path").write_text("old")
    put_in_place(tmp_path / "made", tmp_path / "path")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("path", "new")]
