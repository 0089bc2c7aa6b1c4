"""The pipelines of a cluster, as the API server has them: the resources and their status, and nothing else."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from urllib.parse import urlencode, urlsplit

import msgspec

from dcp_pipeline.errors import Unusable
from dcp_pipeline.process.api_server import Credentials, NoCredentials
from dcp_pipeline.spec.kubernetes.crd import PLURAL
from dcp_pipeline.spec.kubernetes.instances import looked_after_by
from dcp_pipeline.spec.kubernetes.status import Status, from_document
from dcp_pipeline.spec.model import API_VERSION

_PAGE = 500
_TIMEOUT_SECONDS = 20.0
_RESOURCES = f"/apis/{API_VERSION}{{}}/{PLURAL}"


class ClusterUnread(Unusable):
    """The API server does not answer, or refuses; the message says what is wanted."""


class _Named(msgspec.Struct, frozen=True):
    name: str = ""


class _Spec(msgspec.Struct, frozen=True):
    sources: tuple[_Named, ...] = ()
    state: str = "Running"
    paused: bool = False


class _Metadata(msgspec.Struct, frozen=True):
    name: str
    namespace: str


class _Item(msgspec.Struct, frozen=True):
    metadata: _Metadata
    spec: _Spec = _Spec()
    status: object = None


class _More(msgspec.Struct, frozen=True, rename={"token": "continue"}):
    token: str = ""


class _List(msgspec.Struct, frozen=True):
    items: tuple[_Item, ...] = ()
    metadata: _More = _More()


class Resource(msgspec.Struct, frozen=True):
    """A pipeline of the cluster. `status` None: no operator has said anything of it."""

    key: str
    sources: tuple[str, ...]
    state: str
    """Running, Draining or Stopped, as the spec wants it."""
    status: Status | None


class Cluster:
    """Reads them. `namespaces` empty: all of them. Called in threads."""

    def __init__(self, log_in: Callable[[], Credentials], namespaces: tuple[str, ...] = (), instance: str = "") -> None:
        self._log_in, self._namespaces = log_in, namespaces
        self._selector = looked_after_by(instance)

    def read(self) -> dict[str, Resource]:
        """All pipelines by key. Raises ClusterUnread."""
        try:
            credentials = self._log_in()
            places = [f"/namespaces/{each}" for each in self._namespaces] or [""]
            found = [each for place in places for each in self._listed(credentials, _RESOURCES.format(place))]
        except NoCredentials as error:
            raise ClusterUnread(str(error)) from error
        except (OSError, http.client.HTTPException, msgspec.MsgspecError) as error:
            raise ClusterUnread(f"the API server does not answer as one: {type(error).__name__}: {error}") from error
        return {each.key: each for each in map(_resource, found)}

    def _listed(self, credentials: Credentials, path: str) -> Iterator[_Item]:
        connection = _connection(credentials)
        query = {"limit": str(_PAGE), "labelSelector": self._selector}
        try:
            while True:
                connection.request("GET", f"{path}?{urlencode(query)}", headers=credentials.headers())
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200:
                    raise ClusterUnread(_refused(path, answer.status, body))
                page = msgspec.json.decode(body, type=_List)
                yield from page.items
                if not page.metadata.token:
                    return
                query["continue"] = page.metadata.token
        finally:
            connection.close()


def _connection(credentials: Credentials) -> http.client.HTTPConnection:
    server = urlsplit(credentials.server)
    host, port = server.hostname or "", server.port
    if server.scheme == "https":
        context = credentials.authorities.context()
        return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_SECONDS, context=context)
    return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)


class _Refusal(msgspec.Struct, frozen=True):
    message: str = ""


def _refused(path: str, status: int, body: bytes) -> str:
    try:
        said = msgspec.json.decode(body, type=_Refusal).message
    except msgspec.MsgspecError:
        said = ""
    return f"the API server refuses GET {path} ({status}): {said or 'no reason is given'}"


def _resource(item: _Item) -> Resource:
    state = "Draining" if item.spec.state == "Running" and item.spec.paused else item.spec.state
    key = f"{item.metadata.namespace}/{item.metadata.name}"
    sources = tuple(each.name for each in item.spec.sources)
    return Resource(key, sources, state, from_document(item.status) if item.status else None)
