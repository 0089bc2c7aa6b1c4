"""A lean client of the Kubernetes API: what the operator needs and no more (docs/adr/0010). One JSON request each.

A server that has too much to do says when to come back (429, or 503 with Retry-After), and is asked again then, a few
times. Everything else that fails is the caller's to try again. answers.py reads what comes back,
dcp_pipeline/process/api_server.py knows the way there.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import msgspec

from dcp_operator.cluster.answers import (
    ApiError,
    ApiUnreachable,
    Document,
    NotLeading,
    Page,
    Sent,
    error_of,
    page_of,
    parsed,
    refused,
    warnings_of,
)
from dcp_operator.ground.kinds import Kind
from dcp_pipeline.process.api_server import Credentials, NoCredentials

__all__ = ["Api", "ApiError", "ApiUnreachable", "Document", "NotLeading"]

Sendable = Mapping[str, Any]
Login = Callable[[], Credentials]
Warnings = list[str]

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 20.0
SILENT_WATCH_SECONDS = 15.0
"""A watch that is quiet for so much longer than it was to last has died."""
PAGE = 500
ATTEMPTS = 4
"""Of a request that is to be sent again later: once more than the server is waited for."""
MOST_WARNINGS = 256


class Counted(Protocol):
    """Told of every request."""

    def wrote(self, verb: str, kind: Kind) -> None: ...
    def asked(self, verb: str, code: str, seconds: float) -> None: ...


@dataclass(frozen=True)
class _Call:
    """One request, to be sent as often as it takes."""

    verb: str
    method: str
    path: str
    query: Mapping[str, str]
    body: Sendable | None = None
    content_type: str = "application/json"


class Api:
    """Reads and writes objects. To be closed. Every method raises ApiError or ApiUnreachable; those that write
    NotLeading where `may_write_for` has no seconds left, before they are sent or while they wait for an answer."""

    def __init__(self, login: Login, counted: Counted, may_write_for: Callable[[], float] = lambda: math.inf) -> None:
        self._login, self._counted, self._may_write_for = login, counted, may_write_for
        self._credentials: Credentials | None = None
        self._session: aiohttp.ClientSession | None = None
        self._outdated: list[aiohttp.ClientSession] = []
        self._warned: set[str] = set()

    async def close(self) -> None:
        sessions, self._session, self._outdated = [*self._outdated, self._session], None, []
        for each in sessions:
            if each is not None:
                await each.close()

    async def get(self, kind: Kind, namespace: str, name: str) -> Document | None:
        """The object; None where there is none."""
        try:
            return await self._request(_Call("get", "GET", kind.path(namespace, name), {}))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def list(
        self, kind: Kind, namespace: str | None, label_selector: str = "", fields: str = ""
    ) -> list[Document]:
        """All objects, each with apiVersion and kind."""
        return [each.document for each in (await self.listed(kind, namespace, label_selector, fields))[0]]

    async def listed(
        self, kind: Kind, namespace: str | None, label_selector: str = "", fields: str = ""
    ) -> tuple[Sequence[Sent], str]:
        """All objects as they were sent, and the version of the list. Read page by page; from the start again where
        the server has forgotten where we were (410)."""
        try:
            return await self._pages(kind, namespace, label_selector, PAGE, fields)
        except ApiError as error:
            if error.status != 410:
                raise
        return await self._pages(kind, namespace, label_selector, None, fields)

    async def _pages(
        self, kind: Kind, namespace: str | None, label_selector: str, limit: int | None, fields: str
    ) -> tuple[Sequence[Sent], str]:
        asked = {"limit": str(limit or ""), "labelSelector": label_selector, "fieldSelector": fields}
        query = {name: value for name, value in asked.items() if value}
        found: list[Sent] = []
        while True:
            page = await self._page(kind, _Call("list", "GET", kind.path(namespace), dict(query)))
            found += page.objects
            if not page.token:
                return found, page.version
            query["continue"] = page.token

    async def _page(self, kind: Kind, call: _Call) -> Page:
        text = await self._answer(call)
        try:
            return page_of(kind, text)
        except (ValueError, RecursionError):
            raise ApiUnreachable(f"GET {call.path}: the answer is no list") from None

    async def watch(
        self, kind: Kind, namespace: str | None, version: str, label_selector: str, seconds: float
    ) -> AsyncIterator[tuple[str, Document]]:
        """What happens after a version, as (type, object), bookmarks too, for so many seconds at most. An ERROR is
        raised as the ApiError that it tells of."""
        query = {"watch": "1", "allowWatchBookmarks": "true", "resourceVersion": version,
                 "timeoutSeconds": str(max(1, round(seconds)))}  # fmt: skip
        query |= {"labelSelector": label_selector} if label_selector else {}
        call = _Call("watch", "GET", kind.path(namespace), query)
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=TIMEOUT_SECONDS, sock_read=seconds + SILENT_WATCH_SECONDS
        )
        try:
            async with self._open().request(**self._sent(call), timeout=timeout) as response:
                if response.status != 200:
                    raise refused(response.status, await response.read(), response.headers)
                async for line in _lines(response.content):
                    event = parsed(line)
                    if event.get("type") == "ERROR":
                        raise error_of(event.get("object") or {})
                    if "type" in event and "object" in event:
                        kept = {"apiVersion": kind.api_version, "kind": kind.kind, **event["object"]}
                        yield str(event["type"]), kept
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise ApiUnreachable(f"watch {call.path}: {type(error).__name__}: {error}") from error

    async def apply(
        self, kind: Kind, document: Sendable, field_manager: str, subresource: str | None = None
    ) -> Document:
        """Server-side apply, by force: what this manager says about its fields goes."""
        metadata = document["metadata"]
        path = kind.path(metadata["namespace"], metadata["name"], subresource)
        query = {"fieldManager": field_manager, "force": "true"}
        call = _Call("apply", "PATCH", path, query, document, "application/apply-patch+yaml")
        return await self._write("apply" if subresource is None else f"apply {subresource}", kind, call)

    async def create(self, kind: Kind, document: Sendable, field_manager: str) -> Document:
        path = kind.path(document["metadata"]["namespace"])
        return await self._write(
            "create", kind, _Call("create", "POST", path, {"fieldManager": field_manager}, document)
        )

    async def annotate(self, kind: Kind, namespace: str, name: str, uid: str, annotations: Mapping[str, str]) -> None:
        """Set annotations of just that object; one that is gone, or another by its name, is left alone. A merge patch:
        an apply would try to make it anew."""
        await self._merge(kind, namespace, name, {"metadata": {"uid": uid, "annotations": annotations}})

    async def set_finalizers(self, kind: Kind, document: Document, finalizers: Sequence[str]) -> Document:
        """Replace the finalizers of an object as it was seen; what it is then. ApiError 409 where it has changed."""
        metadata = document["metadata"]
        known = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        body = {"metadata": {**known, "finalizers": list(finalizers)}}
        path = kind.path(metadata["namespace"], metadata["name"])
        call = _Call("patch", "PATCH", path, {}, body, "application/merge-patch+json")
        return await self._write("patch", kind, call)

    async def may_create(self, kind: Kind, document: Sendable) -> None:
        """Raises ApiError where it would be refused. Nothing is created."""
        path = kind.path(document["metadata"]["namespace"])
        await self._request(_Call("create", "POST", path, {"dryRun": "All"}, document))

    async def resume(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """Let a suspended Job begin; one that is gone, or another by its name, is left alone."""
        await self._merge(kind, namespace, name, {"metadata": {"uid": uid}, "spec": {"suspend": False}})

    async def _merge(self, kind: Kind, namespace: str, name: str, body: Sendable) -> None:
        call = _Call("patch", "PATCH", kind.path(namespace, name), {}, body, "application/merge-patch+json")
        await self._unless_gone("patch", kind, call)

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """Delete just that object; one that is gone, or another by its name, is left alone."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        await self._unless_gone("delete", kind, _Call("delete", "DELETE", kind.path(namespace, name), {}, body))

    async def lease(self, method: str, path: str, body: Sendable | None = None) -> Document:
        """A request about the Lease that decides who may write: at once, or not at all."""
        return parsed(await self._once(_Call("lease", method, path, {}, body)))

    async def _unless_gone(self, verb: str, kind: Kind, call: _Call) -> None:
        try:
            await self._write(verb, kind, call)
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    async def _write(self, verb: str, kind: Kind, call: _Call) -> Document:
        self._counted.wrote(verb, kind)
        return await self._request(call, self._may_write_for)

    async def _request(self, call: _Call, for_seconds: Callable[[], float] = lambda: math.inf) -> Document:
        return parsed(await self._answer(call, for_seconds))

    async def _answer(self, call: _Call, for_seconds: Callable[[], float] = lambda: math.inf) -> bytes:
        """Sent again when the server has said when. Whether it may still be sent is asked each time anew."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._while_allowed(call, for_seconds)
            except ApiError as error:
                if error.retry_after is None or not error.passing or attempt == ATTEMPTS:
                    raise
                await asyncio.sleep(error.retry_after * random.uniform(1.0, 1.25))  # noqa: S311
        raise AssertionError

    async def _while_allowed(self, call: _Call, for_seconds: Callable[[], float]) -> bytes:
        """Given up when the time is over that it may take: what the server has not taken by then must not land once
        another replica writes. A renewal meanwhile gives a slow server its time."""
        if for_seconds() == math.inf:
            return await self._once(call)
        sent: asyncio.Task[bytes] | None = None
        try:
            while (left := for_seconds()) > 0:
                sent = sent or asyncio.create_task(self._once(call))
                if (await asyncio.wait({sent}, timeout=left))[0]:
                    return sent.result()
        finally:
            if sent is not None and not sent.done():
                sent.cancel()
                await asyncio.wait({sent})
        raise NotLeading(f"{call.method} {call.path}: another replica writes")

    async def _once(self, call: _Call) -> bytes:
        try:
            return await self._sent_once(call)
        except ApiError as error:
            if error.status != 401:
                raise
        await self._log_in_anew()
        return await self._sent_once(call)

    async def _sent_once(self, call: _Call) -> bytes:
        begun, code = time.monotonic(), "none"
        try:
            async with self._open().request(**self._sent(call)) as response:
                text, code = await response.read(), str(response.status)
            self._warn(call, warnings_of(response.headers.getall("Warning", [])))
            if response.status >= 400:
                raise refused(response.status, text, response.headers)
            return text
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise ApiUnreachable(f"{call.method} {call.path}: {type(error).__name__}: {error}") from error
        finally:
            self._counted.asked(call.verb, code, time.monotonic() - begun)

    def _sent(self, call: _Call) -> dict[str, Any]:
        credentials = self._known()
        payload = None if call.body is None else msgspec.json.encode(call.body)
        try:
            headers = {**credentials.headers(), "Content-Type": call.content_type}
        except NoCredentials as error:
            raise ApiUnreachable(str(error)) from error
        return {"method": call.method, "url": credentials.server + call.path, "params": call.query,
                "data": payload, "headers": headers, "proxy": credentials.proxy}  # fmt: skip

    def _known(self) -> Credentials:
        if self._credentials is None:
            try:
                self._credentials = self._login()
            except NoCredentials as error:
                raise ApiUnreachable(str(error)) from error
        return self._credentials

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            context = self._known().authorities.context()
            connector = aiohttp.TCPConnector(ssl=context, limit=0)
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        return self._session

    async def _log_in_anew(self) -> None:
        """The credentials as they are now. Calls that run keep the session that they have: it is closed at the end."""
        before, self._credentials = self._credentials, None
        if self._known() != before and self._session is not None:
            self._outdated.append(self._session)
            self._session = None

    def _warn(self, call: _Call, warnings: Warnings) -> None:
        for text in warnings:
            if text not in self._warned and len(self._warned) < MOST_WARNINGS:
                self._warned.add(text)
                log.warning(
                    "the API server warns", extra={"warning": text[:500], "request": f"{call.verb} {call.path}"}
                )


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Whole lines, however long: aiohttp's own end at 128 KiB."""
    rest = b""
    async for chunk in content.iter_any():
        *whole, rest = (rest + chunk).split(b"\n")
        for each in whole:
            yield each
