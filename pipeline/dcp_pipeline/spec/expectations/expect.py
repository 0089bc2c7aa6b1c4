"""The words of `expect`: what a pipeline's owner counts on. ledger/looking/expectations.py judges whether it is met."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from dcp_pipeline.spec.part import Part
from dcp_pipeline.spec.units import Duration

PERCENT_PATTERN = r"^(100|[0-9]{1,2}(\.[0-9]{1,3})?) ?%$"


class Volume(Part, frozen=True):
    """So many records in so much time, over all sources."""

    min: Annotated[int, Meta(description="Least records.", ge=1)]
    per: Annotated[Duration, Meta(description="Within so long, up to now.")] = Duration("24h")


class Expect(Part, frozen=True):
    """What is counted on; what is not given is not judged."""

    new_data_within: Annotated[
        Duration | None,
        Meta(description="Each source brings records that were not known before at least this often."),
    ] = None
    records: Annotated[Volume | None, Meta(description="How many records come.")] = None
    max_rejected: Annotated[
        Annotated[str, Meta(pattern=PERCENT_PATTERN)] | None,
        Meta(description="Most records of an object that may be rejected, such as 5%; of those settled within a day."),
    ] = None

    @property
    def most_rejected(self) -> float | None:
        """As a share of 1."""
        return None if self.max_rejected is None else float(self.max_rejected.rstrip(" %")) / 100
