"""The words of `notify`: who is told of which trouble, and by what. cli/dcp_cli/notify/ tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from dcp_pipeline.spec.errors import SpecProblem, path_of
from dcp_pipeline.spec.part import Part, SecretKeyRef, SecretValue
from dcp_pipeline.spec.units import Duration
from dcp_pipeline.texts import address_problem

Kind = Literal["stale", "rejects", "unusual", "dead", "unavailable", "sinkDown", "recovered"]
KINDS: tuple[Kind, ...] = ("stale", "rejects", "unusual", "dead", "unavailable", "sinkDown", "recovered")
Address = Annotated[str, Meta(pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$", max_length=254)]
Security = Literal["starttls", "tls", "none"]
PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}


class Smtp(Part, frozen=True):
    """The server that takes mail."""

    host: Annotated[str, Meta(description="Its name or address.", pattern=r"^[A-Za-z0-9.:_-]+$", max_length=253)]
    port: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | None, Meta(description="587; 465 with tls, 25 with none.")
    ] = None
    security: Annotated[Security, Meta(description="How the connection is kept from others.")] = "starttls"
    username: Annotated[Annotated[str, Meta(max_length=254)] | None, Meta(description="Whom to log in as.")] = None
    password: Annotated[SecretValue | None, Meta(description="The password.")] = None


class Email(Part, frozen=True):
    """A letter."""

    to: Annotated[tuple[Address, ...], Meta(description="Who gets it.", min_length=1, max_length=20)]
    smtp: Annotated[Smtp, Meta(description="The server that takes it.")]
    sender: Annotated[
        Address | None, Meta(description="Whom it is from; dcp at the host's name where nothing is said.")
    ] = msgspec.field(name="from", default=None)


class Webhook(Part, frozen=True):
    """A POST of JSON: version, title, message, type (failure, warning, success, info). The URL, or a Secret with it."""

    url: Annotated[Annotated[str, Meta(max_length=2048)] | None, Meta(description="An http or https URL.")] = None
    secret_key_ref: Annotated[SecretKeyRef | None, Meta(description="Where a URL that is a secret is kept.")] = None


class Notify(Part, frozen=True):
    """One way to be told; exactly one of email, webhook and service."""

    email: Annotated[Email | None, Meta(description="By mail.")] = None
    webhook: Annotated[Webhook | None, Meta(description="By a POST.")] = None
    service: Annotated[
        SecretValue | None,
        Meta(description="A Secret with the URL of one of Apprise's services: slack://, dingtalk://, wecombot://, ..."),
    ] = None
    on: Annotated[tuple[Kind, ...], Meta(description="Of what; all where nothing is said.", max_length=7)] = KINDS
    again: Annotated[Duration, Meta(description="What lasts is told again after so long.")] = Duration("24h")

    @property
    def given(self) -> tuple[str, ...]:
        """The ways that are named."""
        return tuple(name for name in ("email", "webhook", "service") if getattr(self, name) is not None)

    @property
    def name(self) -> str:
        """For people: what it is, without anything secret."""
        if self.email is not None:
            return f"email to {', '.join(self.email.to)}"
        if self.webhook is not None:
            host = urlsplit(self.webhook.url).hostname if self.webhook.url else None
            return f"webhook {host or 'of a secret'}"
        ref = self.service.secret_key_ref if self.service else None
        return f"service of secret {ref.name}/{ref.key}" if ref else "nobody"


def notify_problems(notify: Sequence[Notify]) -> Iterator[SpecProblem]:
    """What the types cannot say."""
    for index, each in enumerate(notify):
        place: tuple[str | int, ...] = ("spec", "notify", index)
        if len(each.given) != 1:
            found = f"both {' and '.join(each.given)}" if each.given else "none of email, webhook and service"
            yield SpecProblem(path_of(place), f"has {found}; exactly one is wanted")
        if each.again.seconds < 60:
            yield SpecProblem(path_of((*place, "again")), f"is {each.again}; at least 1m is wanted")
        if each.webhook is not None:
            yield from _webhook_problems(each.webhook, (*place, "webhook"))
        if each.email is not None and each.email.smtp.password is not None and each.email.smtp.username is None:
            yield SpecProblem(path_of((*place, "email", "smtp", "username")), "is missing beside the password")


def _webhook_problems(webhook: Webhook, place: tuple[str | int, ...]) -> Iterator[SpecProblem]:
    if (webhook.url is None) == (webhook.secret_key_ref is None):
        yield SpecProblem(path_of(place), "exactly one of url and secretKeyRef is wanted")
    elif webhook.url is not None:
        place = (*place, "url")
        if "@" in urlsplit(webhook.url).netloc:
            yield SpecProblem(path_of(place), "holds a password; put the URL into a Secret: webhook.secretKeyRef")
        elif problem := webhook_url_problem(webhook.url):
            yield SpecProblem(path_of(place), f"cannot be asked: {problem}")


def webhook_url_problem(url: str) -> str | None:
    """Why nothing can be sent to a URL. One that is a secret may hold a password."""
    if (problem := address_problem(url)) is not None:
        return problem
    return None if urlsplit(url).scheme in ("http", "https") else "it is neither http:// nor https://"
