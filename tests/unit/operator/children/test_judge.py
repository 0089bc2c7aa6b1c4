"""A spec that the cluster took and the operator cannot use becomes a message that names the field."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from dcp_operator.children.judge import Refusal, missing_secrets, parsed, to_seen, value_of
from dcp_operator.children.secret_refs import all_refs
from dcp_pipeline.spec.model import Pipeline, SecretKeyRef
from support.pipelines import pipeline, resource


def secret(**values: str) -> dict[str, Any]:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"metadata": {"uid": "7"}, "data": data}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"queue": None}, "spec.queue.redis: is required in a cluster"),
        ({"queue": {"redis": {"url": "unix:///run/redis"}}}, "spec.queue.redis.url: is a socket"),
        ({"sink": None}, "spec.sink.sql: is required in a cluster"),
        ({"sink": {"sql": {"url": "sqlite:///x.db"}}}, "spec.sink.sql.url: is SQLite"),
        ({"cleaning": {"enrich": [{"geoip": {"from": "nope", "database": {"path": "x"}, "fields": {}}}]}},
         "spec.cleaning.enrich[0].geoip.from"),
        ({"worker": {"podTemplate": {"hostPID": True}}}, "spec.worker.podTemplate.hostPID"),
        ({"worker": {"resources": {"limit": {}}}}, "spec.worker.resources.limit"),
    ],
)  # fmt: skip
def test_an_unusable_spec_is_refused_by_its_field(changes: dict[str, Any], field: str) -> None:
    refusal = parsed(resource(changes))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "InvalidSpec"
    assert field in refusal.message


def test_what_the_api_server_adds_does_not_disturb() -> None:
    document = resource(managedFields=[{}], annotations={"a": "b"}) | {"status": {"conditions": []}}
    assert isinstance(parsed(document), Pipeline)


def test_every_missing_secret_and_key_is_named() -> None:
    refusal = missing_secrets(pipeline(), {"feed": to_seen(secret(key="k")), "redis": to_seen(secret(other="x"))})
    assert refusal is not None
    assert refusal.reason == "SecretMissing"
    assert "Secret mariadb does not exist" in refusal.message
    assert "Secret redis has no key password" in refusal.message
    assert "feed" not in refusal.message.replace("namespace feeds", "")


def test_secrets_are_read_and_not_shown() -> None:
    seen = {name: to_seen(secret(key="hunter22", password="hunter22\n")) for name in ("feed", "redis", "mariadb")}
    assert missing_secrets(pipeline(), seen) is None
    assert value_of(SecretKeyRef(name="redis", key="password"), seen) == "hunter22"
    assert "hunter22" not in repr(seen)
    assert {ref.name for ref in all_refs(pipeline())} == {"feed", "redis", "mariadb"}
