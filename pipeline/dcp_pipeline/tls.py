"""TLS settings with their PEM texts, as values: of the database and of Redis alike."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class TlsSettings:
    """PEM texts; the server's certificate and name are verified unless that is switched off."""

    ca: str | None = field(default=None, repr=False)
    cert: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    insecure_skip_verify: bool = False
