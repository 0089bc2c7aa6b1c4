"""file: files of a folder, or one file."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from dcp_pipeline.spec.sources.listed import Kind, Looked


class FileSource(Looked, frozen=True, kw_only=True):
    """Files of a folder, or one file."""

    path: Annotated[str, Meta(description="A file or a folder.", min_length=1, max_length=4096)]


KIND = Kind(FileSource, "Files of a folder, or one file.")
