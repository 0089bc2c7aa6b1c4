"""Transforms applied to columns, for tests that compare them with an independent reading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import settings
from hypothesis import strategies as st

from dcp_worker.clean.outside import Reachable
from dcp_worker.clean.transforms.compile import compiled
from support.batches import field_of

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
OUTSIDE = Reachable(lambda ref: "key-" + ref.name, Path)
"""The key of each Secret is `key-` and its name."""
quick = settings(max_examples=20, deadline=None)


def done(transform: Any, values: Sequence[str | None]) -> list[str | None]:
    """What a transform makes of a column."""
    change = compiled(field_of(transforms=[transform]).transforms[0], "path", ("",), OUTSIDE)
    return (
        pl.DataFrame({"v": pl.Series(values, dtype=pl.String)}).select(change.apply(pl.col("v"))).to_series().to_list()
    )


def agree(transform: Any, values: Sequence[str | None], reading: Callable[[str], str | None]) -> None:
    wanted = [None if each is None else reading(each) for each in values]
    assert done(transform, values) == wanted


def columns(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[str | None]]:
    return st.lists(st.none() | values, min_size=1, max_size=40)
