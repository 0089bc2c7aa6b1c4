"""What a task asks for becomes words that `dcp` takes: each is parsed by the command itself."""

from __future__ import annotations

from typing import Any

import click
import pytest

from dcp_cli.__main__ import main
from dcp_operator.tasks.words import claim_of, words_of
from dcp_pipeline.spec.kubernetes.task.model import ALL, WRITES, task_of

ASKED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("verify", {"since": "24h"}, ["--since=24h"]),
    ("rejects", {"code": "type-error", "field": "-x", "limit": 7}, ["--code=type-error", "--field=-x", "7"]),
    ("requeue", {"all": True}, ["--all"]),
    ("requeue", {"batches": ["1f.2", "a-b"]}, ["1f.2", "a-b"]),
    ("release", {"all": True}, ["--all"]),
    ("release", {"objects": ["bb13", "c-4"]}, ["bb13", "c-4"]),
    ("replay", {"object": "bb13", "source": "s", "replaced": True}, ["--object=bb13", "--source=s", "--replaced"]),
    ("preview", {"records": 3}, ["3"]),
    ("backup", {"claimName": "c", "file": "b-{time}.dcp", "overwrite": True}, ["--overwrite"]),
    ("restore", {"claimName": "c", "file": "b.dcp", "check": True}, ["--check"]),
]


def parsed(what: str, asked: dict[str, Any]) -> Any:
    return task_of({"spec": {"pipelineRef": {"name": "botnet"}, what: asked}})


@pytest.mark.parametrize(("what", "asked", "wanted"), ASKED, ids=lambda each: each if isinstance(each, str) else "")
def test_each_is_a_command_that_dcp_takes(what: str, asked: dict[str, Any], wanted: list[str]) -> None:
    words = words_of(parsed(what, asked))
    assert set(wanted) <= set(words)
    assert words[-2:] == ["-o", "json"]
    command, rest, context = main, words, click.Context(main)
    while isinstance(command, click.Group):
        found = command.get_command(context, rest[0])
        assert found is not None
        command, rest = found, rest[1:]
    command.make_context("dcp", list(rest))  # raises where a word is none of its own


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ("$(DB_PASSWORD)", "--field=$$(DB_PASSWORD)"),
        ("$$(A)", "--field=$$$$(A)"),
        ("a$", "--field=a$$"),
        ("a", "--field=a"),
    ],
)
def test_no_variable_of_the_container_is_put_into_a_word(asked: str, word: str) -> None:
    """A kubelet does; what dcp then says of the word stands in the task's status."""
    assert word in words_of(parsed("rejects", {"field": asked}))


def test_everything_that_may_be_asked_is_tried() -> None:
    assert {each for each, _, _ in ASKED} == set(ALL)


@pytest.mark.parametrize(
    ("what", "asked", "writes", "claim"),
    [
        ("verify", {}, False, None),
        ("backup", {"claimName": "c"}, False, "c"),
        ("restore", {"claimName": "c", "file": "f"}, True, "c"),
        ("restore", {"claimName": "c", "file": "f", "check": True}, False, "c"),
        ("replay", {}, True, None),
    ],
)
def test_what_writes_and_what_has_a_file(what: str, asked: dict[str, Any], writes: bool, claim: str | None) -> None:
    task = parsed(what, asked)
    assert (task.writes, claim_of(task)) == (writes, claim)
    assert set(ALL) > WRITES
