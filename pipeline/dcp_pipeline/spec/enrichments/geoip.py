"""geoip: where an IP address is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from dcp_pipeline.spec.enrichments.listed import Enriches, Kind
from dcp_pipeline.spec.errors import Place, SpecProblem, path_of
from dcp_pipeline.spec.kubernetes.rule import exactly_one
from dcp_pipeline.spec.part import IDENTIFIER_PATTERN, SUBDOMAIN_PATTERN, Part
from dcp_pipeline.spec.units import Duration
from dcp_pipeline.texts import url_problem


class ClaimPath(Part, frozen=True):
    """A file inside a PersistentVolumeClaim."""

    claim_name: Annotated[str, Meta(description="Name of the claim.", pattern=SUBDOMAIN_PATTERN, max_length=253)]
    path: Annotated[str, Meta(description="Path inside the volume.", min_length=1, max_length=1024)]


class GeoDatabase(Part, frozen=True):
    """An MMDB file: exactly one of path, url and persistentVolumeClaim."""

    path: Annotated[
        Annotated[str, Meta(min_length=1, max_length=4096)] | None, Meta(description="Path of the file.")
    ] = None
    url: Annotated[
        Annotated[str, Meta(pattern=r"^https?://[^\s/?@]+([/?]\S*)?$", max_length=2048)] | None,
        Meta(description="Where to download it from."),
    ] = None
    persistent_volume_claim: Annotated[ClaimPath | None, Meta(description="A file on a volume.")] = None
    refresh: Annotated[Duration, Meta(description="How often a url is asked again.")] = Duration("24h")


class GeoCache(Part, frozen=True):
    """The lookups that a process remembers."""

    size: Annotated[int, Meta(description="Addresses.", ge=0, le=100_000_000)] = 10_000
    ttl: Annotated[Duration, Meta(description="How long each is kept.")] = Duration("86400s")


class GeoIp(Enriches, frozen=True, kw_only=True):
    """Where an IP address is, from an MMDB database of any layout."""

    from_: Annotated[
        str, Meta(description="The field that holds the address.", pattern=IDENTIFIER_PATTERN, max_length=64)
    ] = msgspec.field(name="from")
    database: Annotated[GeoDatabase, Meta(description="The database.")]
    fields: Annotated[
        dict[str, str],
        Meta(description="Field to fill: path in the database's record (country_code, or country.iso_code)."),
    ]
    cache: Annotated[GeoCache, Meta(description="What a process remembers.")] = GeoCache()

    @property
    def reads(self) -> str:
        """The field that holds the address."""
        return self.from_

    @property
    def fills(self) -> tuple[str, ...]:
        """In the order of the spec."""
        return tuple(self.fields)

    @property
    def claims(self) -> tuple[str, ...]:
        """The one that holds the database."""
        claim = self.database.persistent_volume_claim
        return () if claim is None else (claim.claim_name,)


def _problems(geoip: GeoIp, place: Place) -> Iterator[SpecProblem]:
    database = geoip.database
    if database.url and (problem := url_problem(database.url)) is not None:
        yield SpecProblem(path_of((*place, "database", "url")), f"cannot be asked for: {problem}")
    given = [each for each in (database.path, database.url, database.persistent_volume_claim) if each]
    if len(given) != 1:
        found = f"has {len(given)} of path, url and persistentVolumeClaim"
        yield SpecProblem(path_of((*place, "database")), f"{found}; exactly one is wanted")


KIND = Kind(
    GeoIp,
    "Geolocation of an address.",
    _problems,
    {
        ".database": (
            exactly_one(
                "exactly one of path, url and persistentVolumeClaim is wanted", "path", "url", "persistentVolumeClaim"
            ),
        ),
    },
)
