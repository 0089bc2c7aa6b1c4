"""`dcp ui` as it is started: where it listens, where its token is, and that it ends when it is asked to."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from urllib.request import urlopen

from support.dcp_process import DcpProcess, dcp
from support.waiting import wait_until

SPEC = """apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {name: NAME}
spec:
  sources: [{name: files, file: {path: /nowhere}}]
  cleaning: {fields: [{name: id}], unique: [id]}
"""


def specs(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / f"{name}.yaml").write_text(SPEC.replace("NAME", name))
    (folder / "other.yaml").write_text("kind: ConfigMap\n")
    return folder


def served(process: DcpProcess) -> str:
    address = re.compile(r"http://127\.0\.0\.1:\d+/")
    wait_until(lambda: address.search(process.out()), "the page's address", within_seconds=120)
    return address.findall(process.out())[0]


def test_a_folder_is_shown_and_follows_its_files(tmp_path: Path) -> None:
    folder = specs(tmp_path / "feeds", "one", "two")
    process = DcpProcess(tmp_path, "ui", str(folder), "--port", "0")
    try:
        url = served(process)
        assert "read only" in process.out()
        assert re.findall(r'href="/p/default/(\w+)"', urlopen(url).read().decode()) == ["one", "two"]
        (folder / "three.yaml").write_text(SPEC.replace("NAME", "three"))
        (folder / "one.yaml").unlink()
        wait_until(
            lambda: re.findall(r'href="/p/default/(\w+)"', urlopen(url).read().decode()) == ["three", "two"],
            "the files as they are now",
            within_seconds=120,
        )
    finally:
        assert process.terminate() == 0


def test_the_token_is_in_a_file_of_its_own_and_is_printed_nowhere(tmp_path: Path) -> None:
    process = DcpProcess(tmp_path, "ui", str(specs(tmp_path / "feeds", "one")), "--port", "0", "--actions")
    try:
        served(process)
        path = tmp_path / "state" / "ui-token"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        token = path.read_text().strip()
        assert len(token) >= 32
        assert token not in process.out() + process.err()
        assert str(path) in process.out()
    finally:
        assert process.terminate() == 0


def test_a_token_that_could_be_guessed_and_a_folder_without_specs_are_refused(tmp_path: Path) -> None:
    folder = specs(tmp_path / "feeds", "one")
    code, process = dcp(tmp_path, "ui", str(folder), "--port", "0", "--actions", env={"DCP_UI_TOKEN": "short"})
    assert code == 1
    assert "DCP_UI_TOKEN" in process.err()
    assert "short" not in process.err()
    code, process = dcp(tmp_path, "ui", str(specs(tmp_path / "none")))
    assert code == 1
    assert "no spec" in process.err()
