"""The guards stand where the mutations look for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.guards.guard import SEEDS_TRIED, Mutation
from chaos.mutations import MUTATIONS, ROOT, mutated


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.name.split(":")[0])
def test_each_guard_can_be_taken_out_and_has_someone_to_notice(mutation: Mutation, tmp_path: Path) -> None:
    environment = mutated(mutation, tmp_path)
    assert environment["PYTHONPATH"].startswith(str(tmp_path))
    catchers = list(mutation.catchers())
    assert 1 <= len(catchers) <= SEEDS_TRIED
    assert all((ROOT / word).exists() for each in catchers for word in each.arguments if word.endswith(".py"))
