"""The small API server: list with limit and continue, watch with bookmarks, apply, /scale, /status, events, leases.

What is to go wrong is said by rules: `server.refuse(...)`, `server.hang(...)`; each matches requests by verb, plural
and namespace, and ends when it is lifted or has been played so often as it says. Every request is noted.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import yaml
from aiohttp import web

from support.kube_api.objects import Change, Document, Objects, Place, Refused

_PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/))?/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>[^/]+))?"
)


@dataclass(frozen=True)
class Request:
    """What was asked. `verb` is Kubernetes': get, list, watch, apply, patch, create, update, delete."""

    verb: str
    plural: str
    namespace: str
    name: str
    sub: str
    query: Mapping[str, str] = field(repr=False)
    token: str = field(repr=False)


@dataclass
class Rule:
    """Requests that match are answered so; `times` None: until lifted."""

    matches: Callable[[Request], bool]
    answer: Callable[[Request], Any]
    times: int | None = None
    played: int = 0
    given_up: int = 0
    """Requests that hung until their client had enough."""

    def lift(self) -> None:
        self.times = 0


class ApiServer:
    """To be used through `serving()`."""

    def __init__(self) -> None:
        self.objects = Objects()
        self.requests: list[Request] = []
        self.rules: list[Rule] = []
        self.tokens: set[str] | None = None
        """The tokens that count; None: everybody is let in."""
        self.warnings: list[str] = []
        """Told with each answer."""
        self.url = ""
        self._remembered: tuple[int, dict[object, list[Document]]] = (0, {})
        self.watch_errors: list[Document] = []
        """Statuses that the next watches end with, one each."""

    def refuse(
        self, status: int, verb: str = "", plural: str = "", namespace: str = "", *, times: int | None = None,
        message: str = "", reason: str = "", headers: Mapping[str, str] | None = None,
        also: Callable[[Request], bool] = lambda request: True,
    ) -> Rule:  # fmt: skip
        """Answer with a Status."""

        def answer(request: Request) -> web.Response:
            told = (
                message or f"{request.verb} {request.plural} in {request.namespace or 'all'}: {status} as the test says"
            )
            return _status(status, reason or "Test", told, headers)

        return self._rule(verb, plural, namespace, answer, times, also)

    def hang(self, verb: str = "", plural: str = "", namespace: str = "") -> Rule:
        """Never answer."""

        async def answer(request: Request) -> web.Response:
            try:
                await asyncio.Event().wait()
            finally:
                rule.given_up += 1
            raise AssertionError

        rule = self._rule(verb, plural, namespace, answer, None, lambda request: True)
        return rule

    def asked(self, verb: str = "", plural: str = "", namespace: str = "") -> list[Request]:
        return [each for each in self.requests if _matches(each, verb, plural, namespace)]

    @property
    def writes(self) -> list[Request]:
        reads = ("get", "list", "watch")
        return [each for each in self.requests if each.verb not in reads and each.plural != "leases"]

    def put(self, plural: str, document: Document) -> Document:
        """As if somebody else had written it."""
        metadata = document["metadata"]
        return self.objects.put((plural, metadata.get("namespace", ""), metadata["name"]), document)

    def find(self, plural: str, name: str, namespace: str = "feeds") -> Document | None:
        return self.objects.by_place.get((plural, namespace, name))

    def all(self, plural: str, namespace: str = "") -> list[Document]:
        return [each for place, each in self.objects.by_place.items() if _within(place, plural, namespace)]

    def kubeconfig(self, folder: Path, token_file: Path | None = None) -> Path:
        """A kubeconfig for it; the token is in a file, as a service account's."""
        token = token_file or folder / "token"
        if not token.exists():
            token.write_text("t0")
        content = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": {"tokenFile": str(token)}}],
        }
        path = folder / "kubeconfig"
        path.write_text(yaml.safe_dump(content))
        return path

    def _rule(self, verb: str, plural: str, namespace: str, answer: Any, times: int | None, also: Any) -> Rule:
        rule = Rule(lambda each: _matches(each, verb, plural, namespace) and also(each), answer, times)
        self.rules.append(rule)
        return rule

    async def handle(self, raw: web.Request) -> web.StreamResponse:
        request = _request(raw)
        self.requests.append(request)
        if self.tokens is not None and request.token not in self.tokens:
            return _status(401, "Unauthorized", "Unauthorized")
        for rule in self.rules:
            if (rule.times is None or rule.played < rule.times) and rule.matches(request):
                rule.played += 1
                answer = rule.answer(request)
                return await answer if asyncio.iscoroutine(answer) else answer
        try:
            if request.verb == "watch":
                return await self._watch(raw, request)
            return self._answered(self._done(request, await raw.read()))
        except Refused as refused:
            return _status(refused.status, refused.reason, str(refused))

    def _answered(self, document: Document) -> web.Response:
        answer = web.Response(body=msgspec.json.encode(document), content_type="application/json")
        for each in self.warnings:
            answer.headers.add("Warning", f'299 - "{each}"')
        return answer

    def _done(self, request: Request, body: bytes) -> Document:
        objects, place = self.objects, (request.plural, request.namespace, request.name)
        document = json.loads(body) if body else {}
        match request.verb, request.sub:
            case "list", _:
                return self._list(request)
            case "get", _:
                return objects._there(place)
            case "apply", "":
                return objects.apply(place, document, request.query["fieldManager"])
            case "apply", "status":
                return objects.apply_status(place, document)
            case "apply", "scale":
                return objects.apply_scale(place, document, request.query["fieldManager"])
            case "create", _ if request.query.get("dryRun"):
                return document
            case "create", _:
                made = (request.plural, request.namespace, document["metadata"]["name"])
                if made in objects.by_place:
                    raise Refused(409, "AlreadyExists", f'{request.plural} "{made[2]}" already exists')
                return objects.put(made, document)
            case "update", _:
                version = document["metadata"].get("resourceVersion")
                if version not in (None, objects._there(place)["metadata"]["resourceVersion"]):
                    raise Refused(409, "Conflict", "the object has been modified")
                return objects.put(place, document)
            case "patch", _:
                before = objects._there(place)
                for each in ("uid", "resourceVersion"):
                    if document["metadata"].get(each, before["metadata"][each]) != before["metadata"][each]:
                        raise Refused(409, "Conflict", f"the {each} is another")
                metadata = {**before["metadata"], **document["metadata"]}
                spec = {"spec": {**before["spec"], **document["spec"]}} if "spec" in document else {}
                return objects.put(place, {**before, **spec, "metadata": metadata})
            case "delete", _:
                objects.delete(place, document.get("preconditions", {}).get("uid"))
                return {"kind": "Status", "status": "Success"}
        raise Refused(405, "MethodNotAllowed", f"{request.verb} {request.sub}")

    def _found(self, request: Request) -> list[Document]:
        """The objects of a list; remembered while nothing changes, for its other pages."""
        if self._remembered[0] != self.objects.version:
            self._remembered = (self.objects.version, {})
        asked = (request.plural, request.namespace, request.query.get("labelSelector", ""))
        if asked not in self._remembered[1]:
            self._remembered[1][asked] = [
                document
                for place, document in self.objects.by_place.items()
                if _within(place, request.plural, request.namespace) and _selected(document, request.query)
            ]
        return self._remembered[1][asked]

    def _list(self, request: Request) -> Document:
        found = self._found(request)
        start, version = 0, self.objects.version
        if token := request.query.get("continue"):
            start, version = json.loads(base64.b64decode(token))
        end = start + int(request.query.get("limit", len(found) or 1))
        metadata = {"resourceVersion": str(version)}
        if end < len(found):
            metadata["continue"] = base64.b64encode(json.dumps([end, version]).encode()).decode()
        items = [
            {key: value for key, value in each.items() if key not in ("apiVersion", "kind")}
            for each in found[start:end]
        ]
        return {"metadata": metadata, "items": items}

    async def _watch(self, raw: web.Request, request: Request) -> web.StreamResponse:
        since = int(request.query["resourceVersion"])
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(raw)
        if since < self.objects.forgotten or since > self.objects.version:
            await answer.write(_line("ERROR", _document(410, "Expired", "too old resource version")))
            return answer
        if self.watch_errors:
            await answer.write(_line("ERROR", self.watch_errors.pop(0)))
            return answer
        end = asyncio.get_running_loop().time() + float(request.query.get("timeoutSeconds", 60))
        objects = self.objects.history
        while (left := end - asyncio.get_running_loop().time()) > 0:
            changed = self.objects.changed
            for change in [each for each in self.objects.history if each.version > since]:
                since = change.version
                if told := _told(change, request):
                    await answer.write(_line(told, change.document))
            if self.objects.history is not objects:
                break
            try:
                await asyncio.wait_for(changed.wait(), min(left, 0.5))
            except TimeoutError:
                metadata = {"resourceVersion": str(self.objects.version)}
                await answer.write(_line("BOOKMARK", {"metadata": metadata}))
        return answer


@asynccontextmanager
async def serving() -> AsyncIterator[ApiServer]:
    """A server on a free port of the loopback."""
    server = ApiServer()
    application = web.Application(client_max_size=16 * 2**20)
    application.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def _request(raw: web.Request) -> Request:
    found = _PATH.fullmatch(raw.path)
    assert found, raw.path
    verbs = {"POST": "create", "PUT": "update", "DELETE": "delete"}
    if raw.method == "GET":
        verb = "watch" if raw.query.get("watch") else "get" if found["name"] else "list"
    elif raw.method == "PATCH":
        verb = "apply" if "apply" in raw.headers["Content-Type"] else "patch"
    else:
        verb = verbs[raw.method]
    token = raw.headers.get("Authorization", "").removeprefix("Bearer ")
    places = [found[each] or "" for each in ("plural", "namespace", "name", "sub")]
    return Request(verb, *places, dict(raw.query), token)


def _matches(request: Request, verb: str, plural: str, namespace: str) -> bool:
    return (
        (not verb or request.verb in verb.split(","))
        and (not plural or request.plural == plural)
        and (not namespace or request.namespace == namespace)
    )


def _within(place: Place, plural: str, namespace: str) -> bool:
    return place[0] == plural and namespace in ("", place[1])


def _told(change: Change, request: Request) -> str | None:
    """What a watch is told of a change: an object that leaves its selector is gone, for it."""
    if not _within(change.place, request.plural, request.namespace):
        return None
    if _selected(change.document, request.query):
        return change.type
    return "DELETED" if change.before is not None and _selected(change.before, request.query) else None


def _selected(document: Document, query: Mapping[str, str]) -> bool:
    labels = document["metadata"].get("labels") or {}
    wanted = [each.partition("=") for each in query.get("labelSelector", "").split(",") if each]
    return all(labels.get(name) == value if equals else name[1:] not in labels for name, equals, value in wanted)


def _line(kind: str, document: Document) -> bytes:
    return json.dumps({"type": kind, "object": document}).encode() + b"\n"


def _document(status: int, reason: str, message: str) -> Document:
    return {"kind": "Status", "status": "Failure", "code": status, "reason": reason, "message": message}


def _status(status: int, reason: str, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response(_document(status, reason, message), status=status, headers=headers)
