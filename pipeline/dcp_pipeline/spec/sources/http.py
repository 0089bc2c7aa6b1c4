"""http: files that a server serves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import Meta

from dcp_pipeline.reach import allowed
from dcp_pipeline.spec.errors import Place, SpecProblem, path_of
from dcp_pipeline.spec.kubernetes.rule import TLS, Rule, exactly_one
from dcp_pipeline.spec.part import Part, SecretValue, Tls
from dcp_pipeline.spec.sources.listed import Kind, Looked, Patterns
from dcp_pipeline.spec.units import Duration
from dcp_pipeline.texts import url_problem


class HttpHeader(Part, frozen=True):
    """A request header; its value is plain or kept in a Secret."""

    name: Annotated[
        str, Meta(description="Name of the header.", pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=128)
    ]
    value: Annotated[Annotated[str, Meta(max_length=1024)] | None, Meta(description="A value that is no secret.")] = (
        None
    )
    value_from: Annotated[SecretValue | None, Meta(description="A value kept in a Secret.")] = None


class BasicAuth(Part, frozen=True):
    """HTTP basic authentication."""

    username: Annotated[SecretValue, Meta(description="The user's name.")]
    password: Annotated[SecretValue, Meta(description="The user's password.")]


class Listing(Part, frozen=True):
    """How to read a JSON listing that the fetcher cannot read by itself. Paths are dotted: `result.items`."""

    items: Annotated[Annotated[str, Meta(max_length=128)] | None, Meta(description="Path of the array of entries.")] = (
        None
    )
    url: Annotated[
        Annotated[str, Meta(max_length=128)] | None,
        Meta(description="Path of an entry's URL or name inside the entry."),
    ] = None
    next: Annotated[
        Annotated[str, Meta(max_length=128)] | None,
        Meta(description="Path of the next page's URL; absent on the last page."),
    ] = None


class HttpSource(Looked, frozen=True, kw_only=True):
    """Files served over HTTP or HTTPS."""

    url: Annotated[
        str,
        Meta(
            description="One file; or, when it ends in '/', a listing of files (HTML index or JSON).",
            pattern=r"^https?://[^\s/?@]+([/?]\S*)?$",
            max_length=2048,
        ),
    ]
    timeout: Annotated[Duration, Meta(description="How long a connection may stay silent before it is given up.")] = (
        Duration("30s")
    )
    headers: Annotated[tuple[HttpHeader, ...], Meta(description="Request headers.", max_length=32)] = ()
    query: Annotated[
        tuple[HttpHeader, ...],
        Meta(
            description="Parameters that are added to the query of each request to the source's own host.",
            max_length=32,
        ),
    ] = ()
    basic_auth: Annotated[BasicAuth | None, Meta(description="HTTP basic authentication.")] = None
    bearer_token: Annotated[SecretValue | None, Meta(description="Bearer token.")] = None
    tls: Annotated[Tls | None, Meta(description="Authorities and client certificate.")] = None
    listing: Annotated[Listing | None, Meta(description="How to read an unusual JSON listing.")] = None
    allow: Annotated[
        Annotated[
            tuple[
                Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\s/?#@]+(/\d{1,3})?(:\d{1,5})?$")], ...
            ],
            Meta(max_length=64),
        ],
        Meta(
            description="Where redirects, listings and tasks may lead besides the source's own host: host, *.domain "
            "or * (any), at public addresses; an address or network (10.0.0.0/8), which may be private; each with "
            ":port or without."
        ),
    ] = ()
    ignore_query: Annotated[
        Patterns,
        Meta(
            description="Glob patterns of query parameters that change from look to look and do not tell one file from "
            "another; those of presigned URLs are known."
        ),
    ] = ()


def _problems(http: HttpSource, place: Place) -> Iterator[SpecProblem]:
    for step, message in _found(http):
        yield SpecProblem(path_of((*place, *step)), message)


def _found(http: HttpSource) -> Iterator[tuple[Place, str]]:
    if (problem := url_problem(http.url)) is not None:
        yield ("url",), f"cannot be asked for: {problem}"
    for number, entry in enumerate(http.allow):
        try:
            allowed(entry)
        except ValueError as error:
            yield ("allow", number), str(error)
    if http.basic_auth and http.bearer_token:
        yield ("bearerToken",), "is set beside basicAuth; at most one is wanted"
    for member, given in (("headers", http.headers), ("query", http.query)):
        for number, each in enumerate(given):
            if (each.value is None) == (each.value_from is None):
                yield (member, number), "exactly one of value and valueFrom is wanted"
    if http.tls and (http.tls.cert is None) != (http.tls.key is None):
        yield ("tls",), "cert and key belong together"
    if http.timeout.seconds <= 0:
        yield ("timeout",), "is 0; more than that is wanted"


def _drafted(where: str) -> dict[str, Any] | None:
    return {"url": where} if re.match(r"https?://", where) else None


KIND = Kind(
    HttpSource,
    "Files served over HTTP or HTTPS.",
    _problems,
    {
        "": (
            Rule(
                "!has(self.basicAuth) || !has(self.bearerToken)", "at most one of basicAuth and bearerToken is wanted"
            ),
        ),
        ".headers[]": (exactly_one("exactly one of value and valueFrom is wanted", "value", "valueFrom"),),
        ".tls": (TLS,),
    },
    _drafted,
)
