"""Specs whose files are called alike, in one folder or in several: none writes into another's log or state."""

from __future__ import annotations

import socket
from pathlib import Path

from dcp_cli.embedded import EmbeddedValkey, StateFolder
from dcp_cli.up.member import log_name
from dcp_cli.up.notes import UpFolder
from dcp_cli.up.specs import SpecFolder
from dcp_cli.up.steps import Role
from dcp_cli.up.supervisor import Supervisor, UpOptions
from dcp_pipeline.setup import load_setup
from support.fleet import write_pipeline


def test_files_that_are_called_alike_have_logs_and_states_of_their_own(tmp_path: Path) -> None:
    given = []
    for folder, names in (("a", ("one", "two")), ("b", ("three",)), ("c", ("four",))):
        (tmp_path / folder).mkdir()
        for name, suffix in zip(names, ("yaml", "yml"), strict=False):
            path = tmp_path / folder / f"{name}.yaml"
            write_pipeline(path.parent, name)
            given.append(path.rename(path.with_name(f"x.{suffix}")))
    specs = SpecFolder(given, lambda path: load_setup(path, {"DCP_STATE_DIR": str(tmp_path / "state")}))
    up = StateFolder(tmp_path / "up")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
        supervisor = Supervisor(specs, UpFolder(up.path), inbox, EmbeddedValkey(up), UpOptions(), {})
        supervisor._look(0.0)
        members = list(supervisor._members.values())
        assert [each.name for each in members] == ["one", "two", "three", "four"]
        logs = [supervisor._log_of(each, Role.FETCHER) for each in members]
        assert logs[:2] == ["x.fetcher.log", "x.yml.fetcher.log"]
        assert len(set(logs)) == len({each.setups[1].state_folder for each in members}) == len(members)
        supervisor._look(1.0)
        assert [supervisor._log_of(each, Role.FETCHER) for each in members] == logs, "for as long as it runs"


def test_the_first_is_called_as_its_file_is() -> None:
    assert log_name(Path("/a/x.yaml"), {"y"}) == "x"
    assert log_name(Path("/a/x.yaml"), {"x"}) == "x.yaml"
    assert log_name(Path("/b/x.yaml"), {"x", "x.yaml"}) != log_name(Path("/c/x.yaml"), {"x", "x.yaml"})
