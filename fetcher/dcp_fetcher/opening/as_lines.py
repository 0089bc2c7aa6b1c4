"""Files that cannot be cut as they are, made into text that can: other encodings, and the types in kinds/."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from dcp_fetcher.ground.labels_met import LabelsMet
from dcp_fetcher.opening.decompress import Ahead, Readable
from dcp_fetcher.opening.encodings import Transcoded
from dcp_fetcher.opening.kinds.how import How, MakesLines
from dcp_pipeline.spec.formats import FILE_OF, KINDS
from dcp_pipeline.spec.words.format import Format


def as_lines(stream: Ahead, form: Format, parts: bool = False, met: LabelsMet | None = None) -> Readable:
    """Text of one record a line, or of csv records, in an encoding that keeps ASCII. `met` is told a table's labels.

    Its read() raises DamagedError where the file is not what the format says, or says that it is only a part and
    `parts` will not do.
    """
    text: Readable = Transcoded(stream, form.encoding) if form.transcoded else stream
    if not form.kind.opened:
        return text
    made_by = cast(MakesLines, import_module(f"dcp_fetcher.opening.kinds.{FILE_OF[form.type]}"))
    return made_by.lines(text, How(form, parts, met or LabelsMet()))


def type_beginning(head: bytes) -> str | None:
    """The type that a file is which starts so, of those that are told by that."""
    for name, kind in KINDS.items():
        if kind.opened:
            begins = getattr(import_module(f"dcp_fetcher.opening.kinds.{FILE_OF[name]}"), "begins", None)
            if begins is not None and begins(head):
                return name
    return None
