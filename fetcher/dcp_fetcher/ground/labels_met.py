"""The labels of one object, as they are met while it is read; and which of them somebody wants."""

from __future__ import annotations

from collections.abc import Iterable


class LabelsMet:
    """`wanted` are the labels of the spec's fields; None where nobody has said.

    A label that is met later is in `labels` once the first record was read.
    """

    def __init__(self, wanted: Iterable[str] | None = None) -> None:
        self._wanted = None if wanted is None else frozenset(wanted)
        self.labels: tuple[str, ...] | None = None
        self.told: list[str] = []
        """What of the object is not read, in words."""

    def meet(self, labels: tuple[str, ...]) -> None:
        """These are the object's."""
        self.labels = labels

    def wants(self, label: str) -> bool:
        """Whether a field is made of it, or of something in it (`client.address`)."""
        wanted = self._wanted or frozenset()
        return label in wanted or any(each.startswith(f"{label}.") for each in wanted)
