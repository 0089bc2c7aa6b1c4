"""examples/botnet.yaml as a resource for the cluster, and the same for a laptop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from e2e.support.clean_table import TABLE
from support.dcp_process import EXAMPLES

NAME = "botnet"
FEED = "http://feed:8000/"
INSTANCE = f"app.kubernetes.io/instance={NAME}"
WORKERS = f"{INSTANCE},app.kubernetes.io/component=worker"
FETCHER = f"{INSTANCE},app.kubernetes.io/component=fetcher"
Document = dict[str, Any]


def resource(namespace: str, **changes: Any) -> Document:
    """The example, with feed, queue and sink of the namespace. `changes` are laid over its spec, mapping by mapping."""
    document: Document = yaml.safe_load((EXAMPLES / "botnet.yaml").read_text())
    document["metadata"] = {"name": NAME, "namespace": namespace}
    spec = document["spec"]
    spec["sources"][0]["http"] |= {"url": f"{FEED}sinkhole/", "interval": "2s"}
    spec["cleaning"]["enrich"][0]["geoip"]["database"] = {"url": f"{FEED}country.mmdb"}
    spec["queue"] = {"redis": {"url": "redis://redis:6379/0", "password": _secret("redis")}}
    sink = {"url": "mysql+pymysql://dcp@mariadb/clean", "table": TABLE, "password": _secret("mariadb")}
    spec["sink"] = {"sql": sink}
    # Small enough for several workers on a node of two cores that runs everything else too.
    # A namespace is not gone before half the grace of its pods is over, and that follows from this.
    spec["worker"]["batchTimeout"] = "20s"
    spec["worker"]["resources"] = {"requests": {"cpu": "20m", "memory": "100Mi"}}
    spec["fetcher"] = {"resources": {"requests": {"cpu": "20m", "memory": "64Mi"}}}
    spec["scaling"] = {"minReplicas": 0, "maxReplicas": 3, "backlogPerWorker": 2}
    _over(spec, changes)
    return document


def on_a_laptop(document: Document, feed_url: str, path: Path) -> Path:
    """The resource as a file for `dcp run`: another feed, and its own queue and database."""
    laptop = {**document, "metadata": {"name": NAME}, "spec": dict(document["spec"])}
    for elsewhere in ("queue", "sink"):
        del laptop["spec"][elsewhere]
    path.write_text(yaml.safe_dump(laptop).replace(FEED, feed_url))
    return path


def _secret(name: str) -> Document:
    return {"secretKeyRef": {"name": name, "key": "password"}}


def _over(base: Document, changes: Document) -> None:
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _over(base[key], value)
        else:
            base[key] = value
