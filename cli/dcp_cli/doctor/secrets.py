"""Every secret that the spec names: is it at hand?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from dcp_cli.findings.finding import Findings, ok, wrong
from dcp_pipeline.secrets import SecretMissing, variable_of
from dcp_pipeline.setup import Setup
from dcp_pipeline.spec.model import SecretKeyRef


def missing_secrets(setup: Setup) -> Findings:
    """A finding for each that is not there, or one for all that are."""
    named = list(dict.fromkeys(_named(setup.pipeline.spec)))
    missing = 0
    for ref in named:
        try:
            setup.secrets(ref)
        except SecretMissing as error:
            if _by_variable(setup, ref):
                continue
            missing += 1
            yield wrong(
                "secrets",
                str(error),
                f"export {variable_of(ref)}=..., or put it into $DCP_SECRETS_DIR/{ref.name}/{ref.key}",
            )
    if named and not missing:
        yield ok("secrets", f"all {len(named)} are at hand")


def _by_variable(setup: Setup, ref: SecretKeyRef) -> bool:
    """DB_PASSWORD and REDIS_PASSWORD stand in for the secrets of sink and queue."""
    sql = setup.pipeline.spec.sink.sql if setup.pipeline.spec.sink else None
    redis = setup.pipeline.spec.queue.redis
    pairs = ((sql, setup.passwords.sink), (redis, setup.passwords.redis))
    return any(
        target is not None and target.password is not None and given and target.password.secret_key_ref == ref
        for target, given in pairs
    )


def _named(part: Any) -> Iterator[SecretKeyRef]:
    if isinstance(part, SecretKeyRef):
        yield part
    elif isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            yield from _named(getattr(part, name))
    elif isinstance(part, tuple | list):
        for each in part:
            yield from _named(each)
