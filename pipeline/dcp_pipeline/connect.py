"""Connections as a setup asks for them: to the queue's server and to the sink's database."""

from __future__ import annotations

import atexit
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import Engine

from dcp_pipeline.database.engine import connect as connect_engine
from dcp_pipeline.ledger import Ledger
from dcp_pipeline.observe.metrics import Metrics
from dcp_pipeline.observe.phases import Observer, unobserved
from dcp_pipeline.observe.pulse import Pulse
from dcp_pipeline.observe.tracing import traces_of
from dcp_pipeline.queue import Queue, RetryPolicy
from dcp_pipeline.queue.connection import Login
from dcp_pipeline.queue.connection import connect as connect_redis
from dcp_pipeline.queue.keys import Keys
from dcp_pipeline.secrets import tls_settings
from dcp_pipeline.settings import SettingInvalid
from dcp_pipeline.setup import Setup
from dcp_pipeline.shared import Shared
from dcp_pipeline.spec.part import SecretValue
from dcp_pipeline.tls import TlsSettings


def open_redis(setup: Setup, embedded_url: str | None = None) -> redis.Redis:
    """A client of the spec's Redis, else of the embedded server.

    Raises SettingInvalid where there is neither.
    """
    target = setup.pipeline.spec.queue.redis
    if target is None:
        if embedded_url is None:
            raise SettingInvalid(
                "spec.queue.redis is not set: name a server there, with --redis URL or with REDIS_HOST; "
                "only `dcp run` brings a server of its own"
            )
        return connect_redis(embedded_url)
    tls = tls_settings(target.tls, setup.secrets)
    return connect_redis(
        target.url,
        target.username,
        setup.passwords.redis or _anew(setup, target.password),
        _redis_tls(tls, setup.state_folder) if tls else None,
        key=Keys(setup.pipeline.queue_name).never,
        sentinels=Login(target.sentinel.username, _anew(setup, target.sentinel.password)) if target.sentinel else None,
    )


def open_queue(setup: Setup, client: redis.Redis) -> Queue:
    """The pipeline's queue, with the spec's policy of retries."""
    worker = setup.pipeline.spec.worker
    policy = RetryPolicy(
        max_attempts=worker.max_attempts,
        max_crashes=worker.max_crashes,
        base_delay_seconds=worker.retry_delay.seconds,
    )
    return Queue(
        client,
        setup.pipeline.queue_name,
        lease_seconds=setup.pipeline.spec.queue.lease.seconds,
        policy=policy,
        pipeline=setup.pipeline.key,
    )


def open_engine(setup: Setup, pool_size: int = 8) -> Engine:
    """An engine on the sink's database; nothing is connected yet."""
    sink = setup.pipeline.spec.sink
    sql = sink.sql if sink else None
    return connect_engine(
        setup.sink_url,
        password=setup.passwords.sink or (_anew(setup, sql.password) if sql else None),
        tls=tls_settings(sql.tls, setup.secrets) if sql else None,
        lease_seconds=setup.pipeline.spec.queue.lease.seconds,
        pool_size=pool_size,
        read_timeout_seconds=setup.pipeline.spec.worker.batch_timeout.seconds,
    )


def open_shared(
    setup: Setup,
    pool_size: int,
    observer: Observer = unobserved,
    embedded_url: str | None = None,
    metrics_read: bool = True,
) -> Shared:
    """Everything that the parts of a process share; the ledger's tables are not made yet.

    Raises SettingInvalid or SecretMissing; nothing is connected before the first use.
    """
    client, engine = open_redis(setup, embedded_url), open_engine(setup, pool_size)
    return Shared(
        client=client,
        queue=open_queue(setup, client),
        engine=engine,
        ledger=Ledger(engine, setup.pipeline.key),
        metrics=Metrics(setup.pipeline.key, metrics_read),
        pulse=Pulse(),
        observer=observer,
        traces=traces_of(os.environ, setup.pipeline.key, setup.worker_id, setup.secrets.redact),
        redact=setup.secrets.redact,
    )


def _anew(setup: Setup, secret: SecretValue | None) -> Callable[[], str] | None:
    """Read at each connection, so that one that was rotated is used. Raises SecretMissing where it is not there now."""
    if secret is None:
        return None
    setup.secrets(secret.secret_key_ref)
    return lambda: setup.secrets(secret.secret_key_ref)


def _redis_tls(tls: TlsSettings, folder: Path) -> Mapping[str, Any]:
    """redis-py's ssl_* arguments. It reads a client's pair from files at each connect, so they must stay."""
    arguments: dict[str, Any] = {"ssl_cert_reqs": "none" if tls.insecure_skip_verify else "required"}
    arguments["ssl_check_hostname"] = not tls.insecure_skip_verify
    if tls.ca:
        arguments["ssl_ca_data"] = tls.ca
    if tls.cert:
        arguments["ssl_certfile"] = _private_file(folder, tls.cert)
        arguments["ssl_keyfile"] = _private_file(folder, tls.key or tls.cert)
    return arguments


def _private_file(folder: Path, text: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=folder, prefix="tls-", suffix=".pem", delete=False) as file:
        file.write(text)
    atexit.register(Path(file.name).unlink, missing_ok=True)
    return file.name
