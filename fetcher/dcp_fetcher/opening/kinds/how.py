"""What is told to whatever makes lines of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dcp_fetcher.ground.labels_met import LabelsMet
from dcp_fetcher.opening.decompress import Readable
from dcp_pipeline.spec.words.format import Format


@dataclass(frozen=True)
class How:
    """`parts`: a document that says that it is only a part will do. `met` is told a table's labels."""

    form: Format
    parts: bool
    met: LabelsMet


class MakesLines(Protocol):
    """A file of this folder."""

    def lines(self, stream: Readable, how: How) -> Readable: ...
