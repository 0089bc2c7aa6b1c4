"""Requests to one HTTP source: credentials for its own origin only, redirects, statuses as errors that say what to do.

http_body.py reads an answer's body; http_site.py puts both together.
"""

from __future__ import annotations

import base64
import ssl
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote_plus, urlencode, urlsplit

import aiohttp
from yarl import URL

from dcp_fetcher.ground.errors import FetchError, GoneError, RefusedError, TemporaryError
from dcp_fetcher.ground.ports import Secrets
from dcp_fetcher.sites.http.naming import redacted, without_queries
from dcp_fetcher.sites.http.proxies import proxies_named, proxy_of
from dcp_fetcher.sites.http.resolver import OutOfReach, ReachResolver
from dcp_pipeline.reach import reach_of
from dcp_pipeline.spec.model import HttpSource, SecretValue, Tls
from dcp_pipeline.texts import led_to

MAX_REDIRECTS = 10
READ_BUFFER_BYTES = 256 * 1024
BUSY = (408, 425, 429)
FETCHABLE = (200, 206, 304, 416)
_REDIRECTS = (301, 302, 303, 307, 308)


class HttpClient:
    """A session with one source; to be entered on the event loop.

    Redirects are followed by hand: each only where the source may be led to, and credentials and the client certificate
    go to the source's own scheme, host and port and nowhere else.
    """

    def __init__(self, source: HttpSource, secrets: Secrets) -> None:
        self._source, self._secrets = source, secrets
        self._origin = origin_of(source.url)
        self._reach = reach_of(source.url, source.allow)
        self._session: aiohttp.ClientSession | None = None
        self._tls: dict[bool, ssl.SSLContext] = {}

    async def __aenter__(self) -> HttpClient:
        silent_seconds = self._source.timeout.seconds
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=ReachResolver(self._reach, proxies=proxies_named())),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=READ_BUFFER_BYTES,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=silent_seconds, sock_read=silent_seconds),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> aiohttp.ClientResponse:
        """The answer, of a status in FETCHABLE; its body is still to be read, or to be closed.

        Raises TemporaryError, GoneError or RefusedError.
        """
        visited: list[str] = []
        while True:
            if url in visited or len(visited) > MAX_REDIRECTS:
                raise RefusedError(f"{redacted(visited[0])}: redirected in a circle or over {MAX_REDIRECTS} times")
            visited.append(url)
            if (why := self._reach.refuses(url)) is not None:
                raise RefusedError(f"{redacted(url)}: {why}")
            answer = await self._get_one(url, headers or {})
            if answer.status not in _REDIRECTS:
                break
            url = _target(answer, url)
            answer.close()
        if answer.status not in FETCHABLE:
            answer.close()
            raise error_of(answer.status, answer.headers, redacted(url))
        return answer

    async def _get_one(self, url: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("the client was not entered")
        own = origin_of(url) == self._origin
        sent = {"Accept-Encoding": "identity", "User-Agent": "datacleaning-pipelines"}
        if own:
            sent |= self._credentials()
            url = self._with_query(url)
        try:
            return await self._session.get(
                _as_url(url),
                headers=sent | dict(headers),
                allow_redirects=False,
                ssl=self._context(own),
                proxy=proxy_of(url),
            )
        except aiohttp.ClientError as error:
            raise network_error(error, url) from error
        except (TimeoutError, OSError) as error:
            raise network_error(error, url) from error

    def _credentials(self) -> dict[str, str]:
        source = self._source
        sent = {
            header.name: header.value or "" if header.value_from is None else self._secret(header.value_from)
            for header in source.headers
        }
        if source.bearer_token is not None:
            sent["Authorization"] = f"Bearer {self._secret(source.bearer_token)}"
        if source.basic_auth is not None:
            user, password = self._secret(source.basic_auth.username), self._secret(source.basic_auth.password)
            sent["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        return sent

    def _with_query(self, url: str) -> str:
        """The URL with the parameters of the spec, those of the same names replaced."""
        given = {
            each.name: each.value or "" if each.value_from is None else self._secret(each.value_from)
            for each in self._source.query
        }
        if not given:
            return url
        parts = urlsplit(url)
        kept = [pair for pair in parts.query.split("&") if pair and unquote_plus(pair.partition("=")[0]) not in given]
        return parts._replace(query="&".join([*kept, urlencode(given)])).geturl()

    def _secret(self, value: SecretValue) -> str:
        text = secret_text(self._secrets, value)
        if any(ord(character) < 32 or ord(character) == 127 for character in text):
            ref = value.secret_key_ref
            raise RefusedError(f"secret {ref.name}, key {ref.key}: has a control character, no header can carry it")
        return text

    def _context(self, own: bool) -> ssl.SSLContext | bool:
        tls = self._source.tls
        if tls is None:
            return True
        if own not in self._tls:
            self._tls[own] = tls_context(tls, self._secrets, with_certificate=own)
        return self._tls[own]


def tls_context(tls: Tls, secrets: Secrets, with_certificate: bool) -> ssl.SSLContext:
    """The context of a spec's `tls`. Raises RefusedError where a PEM text cannot be used; it is never shown."""
    try:
        ca = secret_text(secrets, tls.ca) if tls.ca else None
        context = ssl.create_default_context(cadata=ca)
        if tls.insecure_skip_verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if tls.cert is not None and with_certificate:
            key = tls.key or tls.cert
            # Only from a file: one that none but us can read, for as long as it takes.
            with tempfile.TemporaryDirectory(prefix="dcp-tls-") as folder:
                path = Path(folder) / "client.pem"
                path.write_text(f"{secret_text(secrets, tls.cert)}\n{secret_text(secrets, key)}", encoding="ascii")
                context.load_cert_chain(path)
    except (ssl.SSLError, ValueError) as error:
        raise RefusedError(f"http.tls: a certificate or key cannot be used: {type(error).__name__}") from None
    return context


def secret_text(secrets: Secrets, value: SecretValue) -> str:
    """A secret without blanks around it. Raises RefusedError where it is missing, naming where it was looked for."""
    try:
        return secrets(value.secret_key_ref).strip()
    except LookupError as error:
        raise RefusedError(str(error)) from error


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port


def network_error(error: BaseException, url: str) -> FetchError:
    """A failure below HTTP. A certificate that does not verify is no passing trouble, nor one's reach."""
    if isinstance(below := getattr(error, "os_error", None), OutOfReach):
        return RefusedError(f"{redacted(url)}: {below}")
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return RefusedError(f"{redacted(url)}: TLS: {without_queries(str(error))}")
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return RefusedError(f"{redacted(url)}: not a URL that can be asked for")
    if isinstance(error, TimeoutError):
        return TemporaryError(f"{redacted(url)}: no answer in time")
    return TemporaryError(f"{redacted(url)}: {type(error).__name__}: {without_queries(str(error))}")


def error_of(status: int, headers: Mapping[str, str], shown: str) -> FetchError:
    """What a status that brings no data means."""
    if status in (404, 410):
        return GoneError(f"{shown}: HTTP {status}: there is no such file")
    if status in (401, 407):
        return RefusedError(f"{shown}: HTTP {status}: credentials are missing or wrong")
    if status == 403:
        return RefusedError(f"{shown}: HTTP 403: these credentials may not read it")
    if status in BUSY or status >= 500:
        return TemporaryError(f"{shown}: HTTP {status}", retry_after_seconds(headers.get("Retry-After")))
    return RefusedError(f"{shown}: HTTP {status}: not what a file is answered with")


def retry_after_seconds(value: str | None, now: datetime | None = None) -> float | None:
    """The wait that a Retry-After header asks for: seconds, or a date."""
    if value is None:
        return None
    try:
        if value.isascii() and value.strip().isdigit():
            return float(value)
        due = parsedate_to_datetime(value)
        due = due if due.tzinfo else due.replace(tzinfo=UTC)
        return max(0.0, (due - (now or datetime.now(UTC))).total_seconds())
    except (ValueError, OverflowError, TypeError):
        return None


def _target(answer: aiohttp.ClientResponse, url: str) -> str:
    location = answer.headers.get("Location")
    if not location:
        raise RefusedError(f"{redacted(url)}: HTTP {answer.status} without a Location")
    try:
        return led_to(url, location)
    except ValueError as problem:
        raise RefusedError(f"{redacted(url)}: redirected to what is no plain HTTP address: {problem}") from problem


def _as_url(url: str) -> URL:
    """As it was written: an encoded slash stays encoded."""
    try:
        return URL(url, encoded=url.isascii() and " " not in url)
    except ValueError:
        raise RefusedError(f"{redacted(url)}: not a URL that can be asked for") from None
