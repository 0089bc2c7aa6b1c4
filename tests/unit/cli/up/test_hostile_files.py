"""A folder under `dcp up` or `dcp ui` into which somebody puts what is no spec: the other pipelines go on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dcp_cli.embedded import StateFolder
from dcp_cli.page.desk import CommandDesk
from dcp_cli.spec_files import spec_files
from dcp_cli.up.member import Member
from dcp_cli.up.notes import REQUESTS, Asked, Status, UpFolder
from dcp_cli.up.specs import SpecFolder
from dcp_pipeline.setup import Setup, load_setup

GOOD = """apiVersion: datacleaning.io/v1beta1
kind: DataCleaningPipeline
metadata: {name: good}
spec:
  sources: [{name: feed, file: {path: feed}}]
  cleaning: {fields: [{name: a}], unique: [a]}
"""
DEEP = '{"kind": "DataCleaningPipeline", "extends": "good.yaml", "a": ' + "[" * 900 + "]" * 900 + "}"
HOSTILE = {
    "nested deep": DEEP,
    "without an end": "extends: /dev/zero\n" + GOOD,
    "a pipe that nobody writes to": "extends: pipe\n" + GOOD,
    "no name": 'extends: "a\\0b"\n' + GOOD,
    "no fields": "extends: list.txt\n" + GOOD,
    "larger than a spec is": GOOD + "# " + "x" * (5 << 20),
    "many beginnings": GOOD.replace("path: feed", "path: '" + "${env:" * 150_000 + "'"),
    "digits": GOOD + "  paused: " + "9" * 5000 + "\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "list.txt").write_text("[1, 2]")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def looked_at(folder: Path) -> dict[Path, str | None]:
    specs = SpecFolder([folder], lambda path: load_setup(path, {}))
    shown = {each.path: each.problem for each in CommandDesk([folder], {}).specs()}
    found = {each.path: each.problem for each in specs.look()}
    assert shown.keys() == found.keys()
    assert {path for path, problem in shown.items() if problem is None} >= {
        path for path, problem in found.items() if problem is None
    }
    return found


@pytest.mark.parametrize("what", HOSTILE)
def test_whatever_one_file_holds_it_is_told_and_the_others_run(folder: Path, what: str) -> None:
    (folder / "hostile.yaml").write_text(HOSTILE[what])
    found = looked_at(folder)
    assert found[folder / "good.yaml"] is None
    assert found[folder / "hostile.yaml"]
    assert "defect" not in found[folder / "hostile.yaml"]


def test_a_file_that_cannot_be_read_is_told_and_the_others_run(folder: Path) -> None:
    (folder / "memory.yaml").symlink_to("/proc/self/mem")
    found = looked_at(folder)
    assert found[folder / "good.yaml"] is None
    assert "cannot be read" in str(found[folder / "memory.yaml"])


def test_a_defect_of_ours_in_one_file_is_told_and_the_others_run(folder: Path) -> None:
    (folder / "odd.yaml").write_text(GOOD.replace("good", "odd"))

    def load(path: Path) -> Setup:
        if path.name == "odd.yaml":
            raise AssertionError("a secret of the spec")
        return load_setup(path, {})

    found = {each.path.name: each.problem for each in SpecFolder([folder], load).look()}
    assert found["good.yaml"] is None
    assert found["odd.yaml"] == "a defect of this program: AssertionError; its log says more"


def test_a_defect_that_comes_with_a_change_is_logged_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    sound = [True]

    def load(path: Path) -> Setup:
        if not sound[0]:
            raise AssertionError("of ours")
        return load_setup(path, {})

    specs = SpecFolder([folder], load)
    assert [each.problem for each in specs.look()] == [None]
    sound[0] = False
    (folder / "good.yaml").write_text(GOOD + "  paused: true\n")
    for _ in range(3):
        assert [each.problem for each in specs.look()] == [
            "a defect of this program: AssertionError; its log says more"
        ]
    assert [each.message for each in caplog.records] == [f"{folder / 'good.yaml'}: a defect of this program"]


@pytest.mark.parametrize("name", [b"\xff.yaml", b"\x1b[31m\n.yaml", "\u202e.yaml".encode()])
def test_whatever_a_file_is_called_the_status_can_be_told(folder: Path, name: bytes) -> None:
    (folder / os.fsdecode(name)).write_text(GOOD.replace("good", "other"))
    wanted = SpecFolder([folder], lambda path: load_setup(path, {})).look()
    notes = tuple(Member(each.path.stem, each).note() for each in wanted)
    up = UpFolder(folder / "up")
    up.path.mkdir()
    with StateFolder(up.path).alone():
        up.write(Status(os.getpid(), 0.0, notes))
        told = up.read().pipelines
    assert len(told) == len(spec_files([folder])) == 2
    assert all(each.spec.isprintable() and each.name.isprintable() for each in told)


def test_what_is_no_request_keeps_no_supervisor(tmp_path: Path) -> None:
    up = UpFolder(tmp_path)
    up.ask(Asked("one"))
    (tmp_path / REQUESTS / "1.json").mkdir()
    os.mkfifo(tmp_path / REQUESTS / "2.json")
    (tmp_path / REQUESTS / "3.json").symlink_to("/dev/zero")
    (tmp_path / REQUESTS / "4.json").write_text("[" * 100_000)
    (tmp_path / REQUESTS / "5.json").write_bytes(b'{"restart": "\xff"}')
    assert up.asked() == [Asked("one")]
    assert up.asked() == []


def test_nobody_else_of_the_machine_can_open_a_lock_and_hold_it(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with StateFolder(tmp_path / "state").alone():
            modes = {path.name: path.stat().st_mode & 0o077 for path in (tmp_path / "state").iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(modes, 0)
    assert "lock" in modes
