"""Secrets: where a secretKeyRef is read on a laptop and in a pod, and how they are kept out of messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from dcp_pipeline.errors import Unusable
from dcp_pipeline.spec.model import SecretKeyRef, SecretValue, Tls
from dcp_pipeline.tls import TlsSettings

LEAST_CHARS = 4
"""Of a value that is hidden: a shorter one stands in every text."""


class SecretMissing(Unusable):
    """A secretKeyRef that stands for nothing here; the message names both places where it was looked for."""


def variable_of(ref: SecretKeyRef) -> str:
    """The environment variable of a reference: DCP_SECRET_<NAME>_<KEY>, every other character an underscore."""
    return "DCP_SECRET_" + re.sub(r"[^A-Z0-9]", "_", f"{ref.name}_{ref.key}".upper())


class SecretStore:
    """Reads `<folder>/<name>/<key>` (as Kubernetes mounts Secrets) or `<folder>/<name>.<key>`
    (as Compose can), else systemd's credential `<name>.<key>`, else the
    variable DCP_SECRET_<NAME>_<KEY>.

    It reads anew each time, so that a rotated Secret is seen. One trailing line end is not part of the secret.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._folder = Path(environment["DCP_SECRETS_DIR"]) if environment.get("DCP_SECRETS_DIR") else None
        given = environment.get("CREDENTIALS_DIRECTORY")
        self._credentials = Path(given) if given else None
        self._handed_out: set[str] = set()

    def __call__(self, ref: SecretKeyRef) -> str:
        """The secret's text.

        Raises SecretMissing.
        """
        value = self._look_up(ref)
        self.remember(value)
        return value

    def value(self, secret: SecretValue | None) -> str | None:
        """The text of an optional SecretValue."""
        return None if secret is None else self(secret.secret_key_ref)

    def redact(self, text: str) -> str:
        """The text without any secret that was handed out: the last line of defence for logs and errors."""
        return hidden(text, self._handed_out)

    def remember(self, value: str) -> None:
        """Have redact() know a secret that came by another way, such as DB_PASSWORD."""
        self._handed_out.add(value)

    def _files(self, ref: SecretKeyRef) -> Iterator[Path]:
        if self._folder is not None:
            yield self._folder / ref.name / ref.key
            yield self._folder / f"{ref.name}.{ref.key}"
        if self._credentials is not None:
            yield self._credentials / f"{ref.name}.{ref.key}"

    def _look_up(self, ref: SecretKeyRef) -> str:
        for path in self._files(ref):
            if path.is_file():
                return _without_line_end(path.read_text(encoding="utf-8"))
        variable = variable_of(ref)
        if variable in self._environment:
            return self._environment[variable]
        folder = f"{self._folder}/{ref.name}/{ref.key}" if self._folder else "$DCP_SECRETS_DIR (not set)"
        credential = f", systemd's credential {ref.name}.{ref.key}" if self._credentials else ""
        raise SecretMissing(
            f"secret {ref.name}, key {ref.key}: there is neither the file {folder}{credential} nor the variable "
            f"{variable}"
        )


def hidden(text: str, values: Iterable[str]) -> str:
    """The text without these, as they are and as JSON writes them."""
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= LEAST_CHARS:
            for form in (value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
                text = text.replace(form, "***")
    return text


def _without_line_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")


def tls_settings(tls: Tls | None, secrets: SecretStore) -> TlsSettings | None:
    """A spec's `tls` with its PEM texts; None where TLS is not asked for.

    Raises SecretMissing.
    """
    if tls is None or not tls.enabled:
        return None
    return TlsSettings(
        ca=secrets.value(tls.ca),
        cert=secrets.value(tls.cert),
        key=secrets.value(tls.key),
        insecure_skip_verify=tls.insecure_skip_verify,
    )
