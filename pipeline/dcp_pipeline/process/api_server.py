"""Where the API server is and who we are there: the pod's service account, else the kubeconfig.

A token lies in a file that the kubelet writes anew before the token ends. The file is looked at before each request,
and read when it has changed: no timer, and no session that would have to be swapped for it.
"""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class NoCredentials(Exception):
    """Neither a service account nor a kubeconfig that can be used; the message says what is missing."""


class TokenFile:
    """The token in a file, as it is now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._token = ""

    def __call__(self) -> str:
        """The last one that could be read, where the file is away for a moment."""
        try:
            found = os.stat(self._path)
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
            if seen != self._seen:
                self._token, self._seen = self._path.read_text("utf-8").strip(), seen
        except OSError as error:
            if not self._token:
                raise NoCredentials(f"the token in {self._path} cannot be read: {error.strerror}") from error
        return self._token


@dataclass(frozen=True)
class Authorities:
    """What the connection's TLS is made of: PEM texts, or nothing."""

    ca: str | None = None
    cert: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    insecure: bool = False

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.ca)
        if self.insecure:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if self.cert and self.key:
            load_client(context, self.cert, self.key)
        return context


@dataclass(frozen=True)
class Credentials:
    """How to reach the API server, and as whom. Equal ones can share their connections."""

    server: str
    authorities: Authorities = Authorities()
    proxy: str | None = None
    token: TokenFile | None = field(default=None, repr=False, compare=False)
    fixed: str | None = field(default=None, repr=False, compare=False)
    """The Authorization header, where it does not come from a file."""

    def headers(self) -> dict[str, str]:
        """Of the next request. Raises NoCredentials."""
        if self.token is not None:
            return {"Authorization": f"Bearer {self.token()}"}
        return {"Authorization": self.fixed} if self.fixed else {}


def log_in(environment: Mapping[str, str] = os.environ, account: Path = SERVICE_ACCOUNT) -> Credentials:
    """Raises NoCredentials."""
    host = environment.get("KUBERNETES_SERVICE_HOST")
    if host and (account / "token").exists():
        address = f"[{host}]" if ":" in host else host
        server = f"https://{address}:{environment.get('KUBERNETES_SERVICE_PORT', '443')}"
        return Credentials(server, Authorities(_text(account / "ca.crt")), token=TokenFile(account / "token"))
    named = [Path(each) for each in environment.get("KUBECONFIG", "").split(os.pathsep) if each]
    for path in named or [Path.home() / ".kube" / "config"]:
        if path.exists():
            return _of_kubeconfig(path)
    raise NoCredentials("neither a service account nor a kubeconfig was found: run in a pod, or set KUBECONFIG")


def _of_kubeconfig(path: Path) -> Credentials:
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
        context = _named(document, "contexts", document["current-context"])["context"]
        cluster = _named(document, "clusters", context["cluster"])["cluster"]
        user: Mapping[str, Any] = _named(document, "users", context["user"]).get("user") or {}
        server = str(cluster["server"]).rstrip("/")
    except (OSError, KeyError, TypeError, AttributeError, StopIteration, yaml.YAMLError) as error:
        raise NoCredentials(f"the kubeconfig {path} cannot be used: {type(error).__name__}: {error}") from error
    if "exec" in user or "auth-provider" in user:
        raise NoCredentials(f"the kubeconfig {path} logs in by a plug-in, which is not supported: use a token")
    authorities = Authorities(
        _pem(cluster, "certificate-authority", path),
        _pem(user, "client-certificate", path),
        _pem(user, "client-key", path),
        bool(cluster.get("insecure-skip-tls-verify")),
    )
    file = user.get("tokenFile")
    return Credentials(
        server,
        authorities,
        cluster.get("proxy-url"),
        TokenFile(path.parent / file) if file else None,
        _fixed(user),
    )


def _fixed(user: Mapping[str, Any]) -> str | None:
    if user.get("token"):
        return f"Bearer {user['token']}"
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password', '')}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"
    return None


def _named(document: Mapping[str, Any], part: str, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(each for each in document[part] if each["name"] == name)
    return found


def _pem(part: Mapping[str, Any], name: str, beside: Path) -> str | None:
    if part.get(f"{name}-data"):
        return base64.b64decode(part[f"{name}-data"]).decode()
    return _text(beside.parent / part[name]) if part.get(name) else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise NoCredentials(f"{path} cannot be read: {error.strerror}") from error


def load_client(context: ssl.SSLContext, cert: str, key: str) -> None:
    """Python's ssl reads a client's certificate from a file only."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="dcp-") as folder:
        path = Path(folder) / "client.pem"
        path.touch(mode=0o600)
        path.write_text(f"{cert}\n{key}\n")
        context.load_cert_chain(path)
