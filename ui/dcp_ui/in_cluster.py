"""The page as a Deployment of a cluster: read-only, from the resources' status alone (docs/adr/0126).

It asks for no Secret, no database and no queue; whoever wants what only those have runs `dcp ui` with a password.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from aiohttp import web

from dcp_pipeline.process.api_server import Credentials, log_in
from dcp_ui.ground.cluster import Cluster
from dcp_ui.ground.looks import Looks
from dcp_ui.guard.session import Sessions
from dcp_ui.pages.resources import CLUSTER, ClusterSite, resource, resources
from dcp_ui.server import PIPELINE, Options, guarded_app


class Settings(msgspec.Struct, frozen=True):
    """What the Deployment's environment says."""

    port: int = 8090
    namespaces: tuple[str, ...] = ()
    """Empty: all."""
    instance: str = ""
    allowed_hosts: frozenset[str] = frozenset()
    log_level: str = "info"
    log_format: str = "json"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Raises ValueError naming the variable."""
    port = environment.get("UI_PORT") or "8090"
    if not port.isascii() or not port.isdigit() or not 0 <= int(port) < 65536:
        raise ValueError(f"UI_PORT={port!r} is no port")
    return Settings(
        port=int(port),
        namespaces=_listed(environment.get("NAMESPACES", "")),
        instance=environment.get("INSTANCE", "").strip(),
        allowed_hosts=frozenset(each.lower() for each in _listed(environment.get("ALLOW_HOSTS", ""))),
        log_level=environment.get("LOG_LEVEL") or "info",
        log_format=environment.get("LOG_FORMAT") or "json",
    )


def make_cluster_app(
    settings: Settings, who: Callable[[], Credentials] = log_in, host: str | None = None
) -> tuple[web.Application, Options]:
    """The application, and how it is served."""
    options = Options(
        host=host,
        port=settings.port,
        allowed_hosts=settings.allowed_hosts,
        any_address=True,
        allowed_by="the chart's value ui.allowHosts",
    )
    cluster = Cluster(who, settings.namespaces, settings.instance)
    site = ClusterSite(looks=Looks(1), sessions=Sessions(None), cluster=cluster)
    app = guarded_app(options)
    app[CLUSTER] = site
    app.add_routes([web.get("/", resources), web.get(PIPELINE, resource)])
    app.on_cleanup.append(_close)
    return app, options


async def _close(app: web.Application) -> None:
    await app[CLUSTER].looks.close()


def _listed(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())
