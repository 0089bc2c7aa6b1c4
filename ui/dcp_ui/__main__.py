"""`python -m dcp_ui`: the page of a cluster's pipelines, until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

from dcp_pipeline.observe.logs import set_up_logs
from dcp_pipeline.process.stopping import told_to_stop
from dcp_ui.in_cluster import Settings, make_cluster_app, read_settings
from dcp_ui.server import serve

log = logging.getLogger("dcp_ui")


def main() -> int:
    """The exit code."""
    try:
        settings = read_settings(os.environ)
        set_up_logs(settings.log_level, settings.log_format, str)
    except ValueError as error:
        print(f"dcp_ui: {error}", file=sys.stderr)  # noqa: T201
        return 2
    asyncio.run(_serve(settings))
    return 0


async def _serve(settings: Settings) -> None:
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    app, options = make_cluster_app(settings)
    with told_to_stop(lambda _: loop.call_soon_threadsafe(stopped.set)):
        await serve(app, options, stopped, lambda port: log.info("the page is open", extra={"port": port}))


if __name__ == "__main__":
    sys.exit(main())
