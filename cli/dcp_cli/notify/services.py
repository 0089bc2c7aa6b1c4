"""Where messages go: a spec's entry with its secrets as one of Apprise's URLs, which is a secret, whatever it holds."""

from __future__ import annotations

import hashlib
import re
import socket
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import msgspec

from dcp_pipeline.errors import Unusable
from dcp_pipeline.secrets import SecretStore
from dcp_pipeline.spec.expectations.notify import PORTS, Email, Notify, webhook_url_problem

_SHORTEST_SECRET_CHARS = 4


class Service(msgspec.Struct, frozen=True):
    """A way to tell somebody."""

    name: str
    url: str
    hidden: tuple[str, ...] | None = None
    """What of the URL is a secret; None: any part of it may be."""

    def redact(self, text: str) -> str:
        """A text without what is a secret."""
        parts = self.hidden
        if parts is None:
            parts = (*re.split(r"[/?&=:@#]", self.url), *re.split(r"[/?&=:@#]", unquote(self.url)))
        for part in sorted({*parts, *map(quote_plainly, parts)}, key=len, reverse=True):
            if len(part) >= _SHORTEST_SECRET_CHARS:
                text = text.replace(part, "***")
        return text


def quote_plainly(text: str) -> str:
    """As it stands in a URL."""
    return quote(text, safe="")


def id_of(notify: Notify) -> str:
    """What a service is remembered by: its words in the spec, in which no secret stands."""
    return hashlib.sha256(msgspec.json.encode(notify, enc_hook=str)).hexdigest()[:16]


def service_of(notify: Notify, secrets: SecretStore) -> Service:
    """Raises SecretMissing, or Unusable where a URL that is a secret cannot be used."""
    if notify.email is not None:
        password = secrets.value(notify.email.smtp.password) or ""
        return Service(notify.name, _email(notify.email, password), (password,))
    if notify.webhook is not None:
        ref = notify.webhook.secret_key_ref
        url = notify.webhook.url or (secrets(ref) if ref else "")
        if problem := webhook_url_problem(url):
            raise Unusable(f"notify: the {notify.name}: its URL cannot be asked: {problem}")
        return Service(notify.name, _webhook(url), None if ref else ())
    return Service(notify.name, (secrets.value(notify.service) or "").strip())


def _email(email: Email, password: str) -> str:
    smtp = email.smtp
    sender = email.sender or f"dcp@{_domain()}"
    login = ""
    if smtp.username:
        login = quote_plainly(smtp.username) + (f":{quote_plainly(password)}" if password else "") + "@"
    mode = {"starttls": "starttls", "tls": "ssl", "none": "insecure"}[smtp.security]
    scheme = "mailto" if smtp.security == "none" else "mailtos"
    host = f"[{smtp.host}]" if ":" in smtp.host else smtp.host
    asked = {"from": sender, "to": ",".join(email.to), "smtp": smtp.host, "mode": mode, "format": "text"}
    return f"{scheme}://{login}{host}:{smtp.port or PORTS[smtp.security]}?{urlencode(asked, quote_via=quote)}"


def _domain() -> str:
    name = re.sub("[^A-Za-z0-9.-]", "-", socket.gethostname()).strip(".-")
    return name if "." in name else f"{name or 'host'}.localdomain"


def _webhook(url: str) -> str:
    """As Apprise writes it: what stands in the query goes out as it is with a dash before it."""
    parts = urlsplit(url)
    scheme = {"http": "json", "https": "jsons"}[parts.scheme]
    query = urlencode(
        [(f"-{name}", value) for name, value in parse_qsl(parts.query, keep_blank_values=True)], quote_via=quote
    )
    return f"{scheme}://{parts.netloc}{parts.path or '/'}" + (f"?{query}" if query else "")
