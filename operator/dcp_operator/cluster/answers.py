"""What the API server answers: documents, refusals, when to come back, what it warns of. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from dcp_operator.ground.kinds import Kind

Document = dict[str, Any]

LONGEST_RETRY_AFTER_SECONDS = 30.0
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')


class Head(msgspec.Struct, frozen=True, rename="camel"):
    """What an object is called, and which version of it this is."""

    name: str
    uid: str
    resource_version: str
    namespace: str = ""


class Sent(msgspec.Struct, frozen=True):
    """An object as the API server has sent it: of one that is known already nothing but the head is read."""

    kind: Kind
    head: Head
    raw: bytes

    @property
    def document(self) -> Document:
        """All of it, with apiVersion and kind."""
        return {"apiVersion": self.kind.api_version, "kind": self.kind.kind, **msgspec.json.decode(self.raw)}


class Page(msgspec.Struct, frozen=True):
    """A part of a list: its version, where the next part begins, and what is in it."""

    version: str
    token: str
    objects: list[Sent]


class _Headed(msgspec.Struct, frozen=True):
    metadata: Head


class _ListMetadata(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str
    continue_: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct, frozen=True):
    metadata: _ListMetadata
    items: list[msgspec.Raw] | None = None


_HEADED = msgspec.json.Decoder(_Headed)
_LIST = msgspec.json.Decoder(_List)


class ApiError(Exception):
    """The server refused; `status` is the HTTP code, `causes` are Kubernetes' words, the message is the server's.
    `retry_after` is in how many seconds it wants to be asked again, where it said so."""

    def __init__(
        self, status: int, message: str, causes: frozenset[str] = frozenset(), retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.causes, self.retry_after = status, causes, retry_after

    @property
    def passing(self) -> bool:
        """Whether it is the server's own trouble: too much to do, or an error of its own."""
        return self.status == 429 or self.status >= 500


class ApiUnreachable(Exception):
    """No answer: to be tried again later."""


class NotLeading(ApiUnreachable):
    """Another replica writes: this one may not, or no longer."""


def refused(status: int, text: bytes, headers: Mapping[str, str]) -> ApiError:
    """The error that an answer tells of."""
    return error_of({"code": status, **parsed(text), "headers": None}, _retry_after(headers), status)


def page_of(kind: Kind, text: bytes) -> Page:
    """A list's part. Raises ValueError where it is none."""
    found = _LIST.decode(text)
    objects = [Sent(kind, _HEADED.decode(raw).metadata, bytes(raw)) for raw in found.items or ()]
    return Page(found.metadata.resource_version, found.metadata.continue_, objects)


def parsed(text: bytes) -> Document:
    """A body as a document; one that is none as a message."""
    try:
        document = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        return document
    return {"message": text[:200].decode(errors="replace")}


def error_of(document: Document, retry_after: float | None = None, status: int | None = None) -> ApiError:
    """The error that a Status object tells of."""
    details = document.get("details") or {}
    causes = details.get("causes") or ()
    words = {str(each.get("reason")) for each in causes} | {str(document.get("reason", ""))}
    code = status if status is not None else int(document.get("code") or 500)
    wait = retry_after if retry_after is not None else details.get("retryAfterSeconds")
    return ApiError(code, str(document.get("message") or f"HTTP {code}"), frozenset(words), wait)


def warnings_of(values: list[str]) -> list[str]:
    """The texts of `Warning` headers."""
    return [text.replace('\\"', '"') for value in values for text in _WARNING.findall(value)]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After", "")
    return min(float(text), LONGEST_RETRY_AFTER_SECONDS) if text.isdecimal() else None
