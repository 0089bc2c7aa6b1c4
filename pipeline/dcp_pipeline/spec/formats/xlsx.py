"""xlsx: a sheet of an Excel workbook."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from dcp_pipeline.spec.formats.listed import LABELLED, Kind, Kinds
from dcp_pipeline.spec.part import Part


class Xlsx(Part, frozen=True):
    """Where in the workbook its records are."""

    sheet: Annotated[
        Annotated[str, Meta(min_length=1, max_length=31)] | None,
        Meta(description="xlsx: name of the sheet; the first by default."),
    ] = None


KINDS: Kinds = {"xlsx": Kind(cut="json", takes=LABELLED, own=Xlsx, opened=True, held_whole=True, is_zip=True)}
