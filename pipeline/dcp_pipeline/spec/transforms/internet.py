"""Transforms of URLs, host names and e-mail addresses."""

from __future__ import annotations

from typing import Literal

from dcp_pipeline.spec.transforms.listed import Listed, Steps, Strict

UrlPart = Literal["scheme", "user", "host", "port", "path", "query", "fragment"]
DomainPart = Literal["registered", "suffix", "subdomain"]


STEPS: Steps = {
    "url": Listed(UrlPart, "A part of a URL."),
    "domain": Listed(DomainPart, "A part of a host name, by the public suffix list."),
    "email": Listed(Strict, "An e-mail address, its domain in lower case.", bare=True),
}
