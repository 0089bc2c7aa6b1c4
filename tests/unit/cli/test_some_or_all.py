"""Ids, or --all: neither and both are refused before any file or server is looked at."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from dcp_cli.__main__ import main

COMMANDS = [
    "dead requeue", "dead purge", "objects forget", "objects reread", "objects release", "objects drop",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("words", [(), ("abc", "--all")], ids=["neither", "both"])
def test_one_of_the_two_is_wanted(command: str, words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main, [*command.split(), "there-is-none.yaml", *words])
    assert done.exit_code == 2
    assert f"name {'batches' if 'dead' in command else 'objects'}" in done.output
    assert "or --all" in done.output


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("words", [("abc",), ("--all",)], ids=["ids", "all"])
def test_either_goes_on_to_the_spec(command: str, words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main, [*command.split(), "there-is-none.yaml", *words])
    assert "or --all" not in done.output
    assert done.exit_code != 0
