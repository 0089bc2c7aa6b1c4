"""An id on the command line may be shortened, as far as it names one of those that are meant."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from dcp_cli.errors import CommandFailed
from dcp_cli.ledger.choosing import only_one
from dcp_cli.ledger.dead import _named

HELD = ["8fe1413e54f80000", "8fe2000000000000", "28608dc154160000"]


class FewBooks:
    """A ledger that is only asked for books."""

    engine, pipeline = None, "default/small"

    def books_of(self, ids: Sequence[str]) -> tuple[Any, ...]:
        return tuple(SimpleNamespace(object_id=each, uri=f"file:///{each[:4]}.csv") for each in ids)


@pytest.mark.parametrize(("id_", "found"), [("8fe1", HELD[0]), ("2", HELD[2]), (HELD[1], HELD[1])])
def test_an_object_is_looked_for_among_those_that_are_meant(id_: str, found: str) -> None:
    assert only_one(FewBooks(), id_, HELD).object_id == found  # type: ignore[arg-type]


def test_several_are_told_by_name() -> None:
    with pytest.raises(CommandFailed, match=r"8fe names more than one object: 8fe1413e54f8 \(file:///8fe1.csv\), 8fe2"):
        only_one(FewBooks(), "8fe", HELD)  # type: ignore[arg-type]


def test_dead_batches_are_named_by_their_beginnings_each_once() -> None:
    assert _named(["28", HELD[0], "8fe1"], HELD) == [HELD[2], HELD[0]]
    with pytest.raises(CommandFailed, match="not dead: ff; see `dcp dead ls`"):
        _named(["28", "ff"], HELD)
    with pytest.raises(CommandFailed, match="more than one dead batch begins so: 8fe"):
        _named(["8fe"], HELD)
