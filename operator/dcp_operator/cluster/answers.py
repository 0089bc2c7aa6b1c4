"""What the API server answers: documents, refusals, when to come back, what it warns of. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]

LONGEST_RETRY_AFTER_SECONDS = 30.0
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')


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


def answered(status: int, text: bytes, headers: Mapping[str, str]) -> Document:
    """The document. Raises ApiError."""
    document = parsed(text)
    if status >= 400:
        raise error_of({"code": status, **document, "headers": None}, _retry_after(headers), status)
    return document


def parsed(text: bytes) -> Document:
    """A body as a document; one that is none as a message."""
    try:
        document = json.loads(text)
    except ValueError:
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
