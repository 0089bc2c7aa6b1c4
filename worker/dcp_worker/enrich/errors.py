"""What can be wrong with an enrichment's data."""

from __future__ import annotations

from dcp_pipeline.errors import Unusable


class EnrichmentError(Unusable):
    """Data that an enrichment needs cannot be read; `setting` is the part of the spec that names it."""

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(f"{setting}: {message}")
        self.setting = setting
