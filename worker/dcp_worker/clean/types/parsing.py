"""What turns a column of text into values: quick steps for all of it, and care for the rest."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import polars as pl

from dcp_worker.ground.placing import put_at

Step = Callable[[pl.Expr], pl.Expr]


class Parser(msgspec.Struct, frozen=True):
    """`steps` make values of the text, each in a query of its own, or Polars would do the earlier ones again wherever
    a later one reads its input twice. Their last is null where the text is not of the type, and where only `careful`
    can tell, which is asked then.
    """

    steps: tuple[Step, ...]
    careful: Callable[[pl.Series], pl.Series] | None = None

    def __call__(self, text: pl.Series) -> pl.Series:
        """The values of a column."""
        values = text.to_frame()
        for step in self.steps:
            values = values.select(step(pl.col(text.name)))
        return self.mend(text, values.to_series())

    def mend(self, text: pl.Series, values: pl.Series) -> pl.Series:
        """The values that `steps` made of the text, and those that it could not make."""
        if self.careful is None or values.null_count() == text.null_count():
            return values
        places = (values.is_null() & text.is_not_null()).arg_true()
        with_care = self.careful(text.gather(places)).alias(values.name)
        return put_at(places, with_care.to_frame(), values.to_frame()).to_series()
