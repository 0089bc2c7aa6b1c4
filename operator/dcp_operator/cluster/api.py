"""A lean client of the Kubernetes API: what the operator needs and no more (docs/adr/0010). One JSON request each.

Credentials come from a function, kopf's own for service accounts and kubeconfigs, and are asked for again when the
server refuses them, so that rotated tokens are picked up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import kopf

from dcp_operator.ground.kinds import Kind

Document = dict[str, Any]
Sendable = Mapping[str, Any]
Login = Callable[[], kopf.ConnectionInfo]
Written = Callable[[str, Kind], None]
"""Told of every write: the verb and the kind."""

TIMEOUT_SECONDS = 20.0
PAGE = 500


class ApiError(Exception):
    """The server refused; `status` is the HTTP code, `causes` are Kubernetes' words, the message is the server's."""

    def __init__(self, status: int, message: str, causes: frozenset[str] = frozenset()) -> None:
        super().__init__(message)
        self.status, self.causes = status, causes


class ApiUnreachable(Exception):
    """No answer: to be tried again later."""


class Api:
    """Reads and writes objects. To be closed. Every method raises ApiError or ApiUnreachable."""

    def __init__(self, login: Login, written: Written) -> None:
        self._login, self._written = login, written
        self._session: aiohttp.ClientSession | None = None
        self._connection: kopf.ConnectionInfo | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, kind: Kind, namespace: str, name: str) -> Document | None:
        """The object; None where there is none."""
        try:
            return await self._request("GET", kind.path(namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def list(self, kind: Kind, namespace: str | None, label_selector: str = "") -> tuple[list[Document], str]:
        """All objects, each with apiVersion and kind, and the version of the list. Read page by page."""
        query = {"limit": str(PAGE)} | ({"labelSelector": label_selector} if label_selector else {})
        found: list[Document] = []
        while True:
            page = await self._request("GET", kind.path(namespace), query)
            found += [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in page["items"]]
            if not (token := page["metadata"].get("continue")):
                return found, str(page["metadata"]["resourceVersion"])
            query["continue"] = token

    async def apply(
        self, kind: Kind, document: Sendable, field_manager: str, subresource: str | None = None
    ) -> Document:
        """Server-side apply, by force: what this manager says about its fields goes."""
        self._written("apply" if subresource is None else f"apply {subresource}", kind)
        metadata = document["metadata"]
        path = kind.path(metadata["namespace"], metadata["name"], subresource)
        query = {"fieldManager": field_manager, "force": "true"}
        return await self._request("PATCH", path, query, document, "application/apply-patch+yaml")

    async def create(self, kind: Kind, document: Sendable, field_manager: str) -> Document:
        self._written("create", kind)
        path = kind.path(document["metadata"]["namespace"])
        return await self._request("POST", path, {"fieldManager": field_manager}, document)

    async def annotate(self, kind: Kind, namespace: str, name: str, uid: str, annotations: Mapping[str, str]) -> None:
        """Set annotations of just that object; one that is gone, or another by its name, is left alone. A merge patch:
        an apply would try to make it anew."""
        self._written("patch", kind)
        body = {"metadata": {"uid": uid, "annotations": annotations}}
        try:
            await self._request("PATCH", kind.path(namespace, name), None, body, "application/merge-patch+json")
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """Delete just that object; one that is gone, or another by its name, is left alone."""
        self._written("delete", kind)
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        try:
            await self._request("DELETE", kind.path(namespace, name), body=body)
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    async def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Sendable | None = None,
        content_type: str = "application/json",
    ) -> Document:
        try:
            return await self._request_once(method, path, query, body, content_type)
        except ApiError as error:
            if error.status != 401:
                raise
        await self.close()
        return await self._request_once(method, path, query, body, content_type)

    async def _request_once(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Sendable | None, content_type: str
    ) -> Document:
        session, connection = self._open()
        payload = None if body is None else json.dumps(body).encode()
        headers = {**connection.as_http_headers(), "Content-Type": content_type}
        try:
            url = connection.server.rstrip("/") + path
            async with session.request(method, url, params=query, data=payload, headers=headers) as response:
                text = await response.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise ApiUnreachable(f"{method} {path}: {type(error).__name__}: {error}") from error
        return _answer(response.status, text)

    def _open(self) -> tuple[aiohttp.ClientSession, kopf.ConnectionInfo]:
        if self._session is None or self._connection is None:
            self._connection = self._login()
            connector = aiohttp.TCPConnector(ssl=self._connection.as_ssl_context(), limit=32)
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        return self._session, self._connection


def log_in() -> kopf.ConnectionInfo:
    """The pod's service account, else the kubeconfig.

    Raises kopf.LoginError where there is neither.
    """
    settings = kopf.OperatorSettings()
    found = kopf.login_with_service_account(settings=settings) or kopf.login_with_kubeconfig(settings=settings)
    if found is None:
        raise kopf.LoginError("neither a service account nor a kubeconfig was found")
    return found


def _answer(status: int, text: bytes) -> Document:
    try:
        document: Document = json.loads(text)
    except ValueError:
        document = {"message": text[:200].decode(errors="replace")}
    if status >= 400:
        causes = (document.get("details") or {}).get("causes") or ()
        words = frozenset(str(each.get("reason")) for each in causes)
        raise ApiError(status, str(document.get("message", f"HTTP {status}")), words)
    return document
