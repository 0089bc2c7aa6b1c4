"""What a pipeline under `dcp up` remembers of its spec and its crashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcp_cli.up.member import Child, Member
from dcp_cli.up.specs import SpecFolder, Wanted, renamed
from dcp_cli.up.steps import Role
from dcp_pipeline.setup import Setup, load_setup
from support.fleet import write_pipeline


def looked(folder: Path) -> Wanted:
    (found,) = SpecFolder([folder], lambda path: load_setup(path, {})).look()
    return found


def child(role: Role = Role.FETCHER, generation: int = 1, started: float = 0) -> Child:
    return Child(7, role, generation, "log", started, 0, ready=True)


def test_a_refused_change_leaves_what_runs_and_is_known_from_it(tmp_path: Path) -> None:
    write_pipeline(tmp_path, "one")
    wanted = looked(tmp_path)
    assert wanted.setup is not None
    member = Member("one", wanted)
    member.take_up(wanted.setup, wanted.digest, 0)
    member.children = [child()]
    assert (member.current, member.running) == (1, wanted.digest)
    write_pipeline(tmp_path, "one", more="  worker: {concurrency: 5}\n")
    changed = looked(tmp_path)
    assert changed.setup is not None
    assert changed.digest != wanted.digest
    member.take_up(changed.setup, changed.digest, 10)
    assert (member.current, member.trial) == (1, 2)
    member.refuse("no such column", 20)
    assert (member.current, member.trial, member.running) == (1, None, wanted.digest)
    assert member.note().trouble == "no such column"
    assert member.setups[1].pipeline.spec.worker.concurrency == 2
    assert member.digest == changed.digest, "it waits"
    member.try_again()
    assert member.digest not in (changed.digest, wanted.digest), "what refused it may be mended: it is a change again"
    member.take_up(changed.setup, changed.digest, 30)
    member.try_again()
    assert (member.trial, member.digest) == (2, changed.digest), "what is on trial is not begun anew"


def test_a_crash_is_a_trouble_until_it_has_run_soundly(tmp_path: Path) -> None:
    write_pipeline(tmp_path, "one")
    wanted = looked(tmp_path)
    assert wanted.setup is not None
    member = Member("one", wanted)
    member.take_up(wanted.setup, wanted.digest, 0)
    assert [member.crashed(child(started=now), "killed", now + 1) for now in (0, 10, 20)] == [1, 2, 4]
    assert Role.FETCHER not in member.standing(None, 22).may_start
    assert member.note().state == "waiting"
    member.children = [child(started=30)]
    member.calm_down(40)
    assert member.note().trouble == "killed"
    member.calm_down(100)
    assert (member.note().trouble, member.note().restarts, member.note().state) == ("", 3, "running")
    assert member.crashed(child(started=30), "killed again", 200) == 1, "a sound life begins anew"


def test_a_change_of_what_is_extended_or_of_dotenv_is_a_change(tmp_path: Path) -> None:
    spec = write_pipeline(tmp_path, "one")
    (tmp_path / "base.txt").write_text("spec: {worker: {concurrency: 3}}\n")
    spec.write_text("extends: base.txt\n" + spec.read_text().replace("feed-one", '"${env:FEED:-feed-one}"'))
    folder = SpecFolder([tmp_path], lambda path: load_setup(path, {}))
    folder.look()  # names base.txt
    first, again = folder.look()[0], folder.look()[0]
    assert again is first
    (tmp_path / "base.txt").write_text("spec: {worker: {concurrency: 14}}\n")
    second = folder.look()[0]
    (tmp_path / ".env").write_text("FEED=elsewhere\n")
    third = folder.look()[0]
    assert len({first.digest, second.digest, third.digest}) == 3
    (tmp_path / "base.txt").unlink()
    assert "cannot be read" in str(folder.look()[0].problem)
    (tmp_path / "base.txt").write_text("{}\n")
    assert folder.look()[0].setup is not None


@pytest.mark.parametrize("changed", ["one.yaml", "base.txt", ".env"])
def test_what_changes_while_a_spec_is_read_is_read_once_more(tmp_path: Path, changed: str) -> None:
    """Between reading a file and noting its time somebody may write it: SpecFolder and the page's desk alike."""
    spec = write_pipeline(tmp_path, "one")
    spec.write_text("extends: base.txt\n" + spec.read_text().replace("feed-one", '"${env:FEED:-feed-one}"'))
    (tmp_path / "base.txt").write_text("spec: {worker: {concurrency: 3}}\n")
    texts = {
        "one.yaml": spec.read_text() + "  worker: {concurrency: 14}\n",
        "base.txt": "spec: {worker: {concurrency: 14}}\n",
        ".env": "FEED=elsewhere\n",
    }
    loads: list[Setup] = []

    def load(path: Path) -> Setup:
        loads.append(load_setup(path, {}))
        if len(loads) == 3:
            (tmp_path / changed).write_text(texts[changed])
        return loads[-1]

    folder = SpecFolder([tmp_path], load)
    folder.look()
    before = folder.look()[0]
    spec.touch()
    assert folder.look()[0].digest == before.digest, "read as it was"
    assert folder.look()[0].digest != before.digest
    folder.look()
    assert folder.look()[0] is folder.look()[0]


_SINK = "  sink: {sql: {url: 'sqlite:///all.db', table: TABLE}}\n"


@pytest.mark.parametrize(
    ("name", "table", "refused"), [("two", "t", True), ("two", "u", False), ("one", "u", False), ("one", "t", False)]
)
def test_another_name_on_the_same_table_is_refused_while_it_runs(
    tmp_path: Path, name: str, table: str, refused: bool
) -> None:
    spec = write_pipeline(tmp_path, "one", more=_SINK.replace("TABLE", "t"))
    running = looked(tmp_path).setup
    text = spec.read_text().replace("metadata: {name: one}", f"metadata: {{name: {name}}}")
    spec.write_text(text.replace("table: t", f"table: {table}"))
    wanted = looked(tmp_path)
    judged = renamed(wanted, running)
    assert renamed(wanted, None) is wanted, "what does not run has no name yet"
    assert (judged is wanted) is not refused
    if refused:
        assert judged.setup is None
        assert "it was default/one and is default/two" in str(judged.problem)
