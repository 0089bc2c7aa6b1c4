"""How the servers of sources, queue and sink are spoken to."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from dcp_pipeline.spec.part import Part, SecretValue


class Tls(Part, frozen=True):
    """TLS towards a server; its certificate is verified unless that is switched off."""

    enabled: Annotated[bool, Meta(description="Use TLS even where the URL alone would not.")] = True
    ca: Annotated[SecretValue | None, Meta(description="PEM bundle of the authorities to trust.")] = None
    cert: Annotated[SecretValue | None, Meta(description="PEM certificate of this client.")] = None
    key: Annotated[SecretValue | None, Meta(description="PEM key of this client.")] = None
    insecure_skip_verify: Annotated[
        bool, Meta(description="Do not verify the server's certificate. For trying out only.")
    ] = False
