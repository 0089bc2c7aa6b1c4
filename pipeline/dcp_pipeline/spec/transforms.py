"""The transforms of a field, as people write them: a bare word, or an object with exactly one member.

docs/rules.md shows each with an example; the worker's clean/transforms/ does them.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from dcp_pipeline.spec.part import Part, SecretValue

Otherwise = Literal["keep", "missing", "reject"]
"""What becomes of a value that a transform cannot do: kept as it is, missing (NULL), or the record is rejected."""

_OTHERWISE = "What becomes of a value that does not fit: keep, missing or reject."
Regex = Annotated[str, Meta(min_length=1, max_length=1024)]

Word = Literal[
    "trim",
    "collapse",
    "lower",
    "upper",
    "title",
    "nfc",
    "nfkc",
    "stripTags",
    "stripControl",
    "ip",
    "isPublicIp",
    "email",
    "phone",
]
WORDS: tuple[str, ...] = get_args(Word)


class Replace(Part, frozen=True):
    """Replaces every match of a pattern, or every occurrence of a text."""

    pattern: Annotated[Regex | None, Meta(description="Regular expression (Rust's syntax, linear time).")] = None
    text: Annotated[Annotated[str, Meta(min_length=1, max_length=1024)] | None, Meta(description="Literal text.")] = (
        None
    )
    with_: Annotated[
        str,
        Meta(
            description="What stands in its place; of a pattern, ${1} or ${name} is what a group matched.",
            max_length=1024,
        ),
    ] = msgspec.field(default="", name="with")


class Extract(Part, frozen=True):
    """The part of the value that a group of a pattern matches, at the first match."""

    pattern: Annotated[Regex, Meta(description="Regular expression (Rust's syntax, linear time).")]
    group: Annotated[int, Meta(description="Number of the group; 0 is the whole match.", ge=0, le=99)] = 1
    otherwise: Annotated[Otherwise, Meta(description=_OTHERWISE)] = "missing"


class Split(Part, frozen=True):
    """One of the parts between separators."""

    by: Annotated[str, Meta(description="The separator, literally.", min_length=1, max_length=64)]
    take: Annotated[int, Meta(description="Which part: 1 is the first, -1 the last.", ge=-1000, le=1000)] = 1
    otherwise: Annotated[Otherwise, Meta(description=_OTHERWISE)] = "missing"


class MapValues(Part, frozen=True):
    """Other values for those listed."""

    values: Annotated[
        dict[str, Annotated[str, Meta(max_length=1024)]],
        Meta(description="Value: what it becomes.", min_length=1, max_length=1000),
    ]
    otherwise: Annotated[Otherwise, Meta(description=_OTHERWISE)] = "keep"


class Lookup(Part, frozen=True):
    """The value that stands beside this one in a table: a CSV file with a header, in UTF-8, read into memory."""

    path: Annotated[
        str, Meta(description="The file, as the worker sees it; relative to the spec.", min_length=1, max_length=4096)
    ]
    key: Annotated[str, Meta(description="Label of the column to look in.", max_length=256)]
    value: Annotated[str, Meta(description="Label of the column to take from.", max_length=256)]
    delimiter: Annotated[str, Meta(description="One character.", min_length=1, max_length=1)] = ","
    otherwise: Annotated[Otherwise, Meta(description=_OTHERWISE)] = "missing"


class JsonPath(Part, frozen=True):
    """A value inside JSON text, as it is written there; strings without their quotes."""

    path: Annotated[
        str, Meta(description="$.name, $['any name'] and $[0], one after the other.", min_length=1, max_length=1024)
    ]
    otherwise: Annotated[Otherwise, Meta(description=_OTHERWISE)] = "missing"


class Digest(Part, frozen=True):
    """The hexadecimal hash of the value's UTF-8 bytes."""

    algorithm: Annotated[
        Literal["sha256", "sha512", "sha3-256", "blake3", "sha1", "md5"], Meta(description="The hash.")
    ] = "sha256"


class KeyedDigest(Part, frozen=True):
    """The hexadecimal HMAC-SHA256 of the value's UTF-8 bytes."""

    key: Annotated[SecretValue, Meta(description="The key.")]


class Mask(Part, frozen=True):
    """Hides the middle of the value, a mark for each character."""

    keep_first: Annotated[int, Meta(description="Characters shown at the start.", ge=0, le=1000)] = 0
    keep_last: Annotated[int, Meta(description="Characters shown at the end.", ge=0, le=1000)] = 0
    with_: Annotated[str, Meta(description="The mark.", min_length=1, max_length=1)] = msgspec.field(
        default="*", name="with"
    )


class Truncate(Part, frozen=True):
    """Cuts the end off: exactly one of characters and bytes."""

    characters: Annotated[
        Annotated[int, Meta(ge=0, le=16_000_000)] | None, Meta(description="Most characters to keep.")
    ] = None
    bytes: Annotated[
        Annotated[int, Meta(ge=0, le=16_000_000)] | None,
        Meta(description="Most bytes of UTF-8 to keep; no character is cut in two."),
    ] = None


class InNetworks(Part, frozen=True):
    """Whether an address is in one of the networks: true or false."""

    networks: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...],
        Meta(
            description="Networks as 192.0.2.0/24 or 2001:db8::/32, or single addresses.", min_length=1, max_length=1000
        ),
    ]
    otherwise: Annotated[Otherwise, Meta(description=_OTHERWISE)] = "reject"


class Strict(Part, frozen=True):
    """A transform that may fail, without settings of its own."""

    otherwise: Annotated[Otherwise, Meta(description=_OTHERWISE)] = "reject"


class Phone(Part, frozen=True):
    """A telephone number in one spelling."""

    country: Annotated[
        Annotated[str, Meta(pattern="^[A-Z]{2}$", max_length=2)] | None,
        Meta(description="Country of numbers that name none (ISO 3166, two letters)."),
    ] = None
    format: Annotated[Literal["e164", "international", "national", "rfc3966"], Meta(description="The spelling.")] = (
        "e164"
    )
    otherwise: Annotated[Otherwise, Meta(description=_OTHERWISE)] = "reject"


UrlPart = Literal["scheme", "user", "host", "port", "path", "query", "fragment"]
DomainPart = Literal["registered", "suffix", "subdomain"]


class Step(Part, frozen=True):
    """A transform with settings: exactly one member."""

    replace: Annotated[Replace | None, Meta(description="Replace matches of a pattern, or a text.")] = None
    extract: Annotated[Extract | None, Meta(description="What a group of a pattern matches.")] = None
    split: Annotated[Split | None, Meta(description="One of the parts between separators.")] = None
    map: Annotated[MapValues | None, Meta(description="Other values for those listed.")] = None
    lookup: Annotated[Lookup | None, Meta(description="The value beside this one in a CSV file.")] = None
    default: Annotated[
        Annotated[str, Meta(max_length=1024)] | None, Meta(description="The value where there is none.")
    ] = None
    json: Annotated[JsonPath | None, Meta(description="A value inside JSON text.")] = None
    url: Annotated[UrlPart | None, Meta(description="A part of a URL.")] = None
    domain: Annotated[DomainPart | None, Meta(description="A part of a host name, by the public suffix list.")] = None
    ip: Annotated[Strict | None, Meta(description="An address in its canonical spelling.")] = None
    is_public_ip: Annotated[Strict | None, Meta(description="Whether an address is a public one.")] = None
    cidr: Annotated[InNetworks | None, Meta(description="Whether an address is in one of the networks.")] = None
    email: Annotated[Strict | None, Meta(description="An e-mail address, its domain in lower case.")] = None
    phone: Annotated[Phone | None, Meta(description="A telephone number in one spelling.")] = None
    hash: Annotated[Digest | None, Meta(description="A hash of the value.")] = None
    hmac: Annotated[KeyedDigest | None, Meta(description="A hash of the value with a secret key.")] = None
    mask: Annotated[Mask | None, Meta(description="Hide the middle of the value.")] = None
    truncate: Annotated[Truncate | None, Meta(description="Cut the end off.")] = None


Transform = Word | Step


class Join(Part, frozen=True):
    """The texts of several fields, one after the other; those that are missing are left out."""

    fields: Annotated[tuple[str, ...], Meta(description="The fields, in their order.", min_length=1, max_length=64)]
    separator: Annotated[str, Meta(description="What stands between two.", max_length=64)] = " "


class Compute(Part, frozen=True):
    """Where a field's text comes from other fields' texts, after their transforms: exactly one member."""

    field: Annotated[Annotated[str, Meta(max_length=64)] | None, Meta(description="Another field's text.")] = None
    join: Annotated[Join | None, Meta(description="Several fields' texts in one.")] = None
    coalesce: Annotated[
        Annotated[tuple[str, ...], Meta(min_length=1, max_length=64)] | None,
        Meta(description="The first of these fields that has a text."),
    ] = None

    @property
    def sources(self) -> tuple[str, ...]:
        """The fields that it reads."""
        if self.field is not None:
            return (self.field,)
        return self.join.fields if self.join is not None else self.coalesce or ()
