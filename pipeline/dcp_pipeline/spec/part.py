"""What every part of the spec has in common, and the reference to a Secret. model.py is the whole."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

SUBDOMAIN_PATTERN = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
_LETTERS = "A-Za-z\u00aa-\ud7ff\uf900-\uffdc"
IDENTIFIER_PATTERN = f"^[{_LETTERS}][{_LETTERS}0-9_]*$"
"""Of a column's name, in any script: what MySQL takes in a name. checks.py refuses what of that is no letter."""

LABEL_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
TABLE_PATTERN = f"^[{_LETTERS}_][{_LETTERS}0-9_$]*$"


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What every part of the spec has in common."""


class SecretKeyRef(Part, frozen=True):
    """One key of a Secret in the pipeline's own namespace."""

    name: Annotated[str, Meta(description="Name of the Secret.", pattern=SUBDOMAIN_PATTERN, max_length=253)]
    key: Annotated[str, Meta(description="Key inside the Secret.", pattern=r"^[-._a-zA-Z0-9]+$", max_length=253)]


class SecretValue(Part, frozen=True):
    """A value that is kept in a Secret, never in the spec."""

    secret_key_ref: Annotated[SecretKeyRef, Meta(description="Where the value is kept.")]


class Tls(Part, frozen=True):
    """TLS towards a server; its certificate is verified unless that is switched off."""

    enabled: Annotated[bool, Meta(description="Use TLS even where the URL alone would not.")] = True
    ca: Annotated[SecretValue | None, Meta(description="PEM bundle of the authorities to trust.")] = None
    cert: Annotated[SecretValue | None, Meta(description="PEM certificate of this client.")] = None
    key: Annotated[SecretValue | None, Meta(description="PEM key of this client.")] = None
    insecure_skip_verify: Annotated[
        bool, Meta(description="Do not verify the server's certificate. For trying out only.")
    ] = False
