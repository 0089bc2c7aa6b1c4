"""The page in this process, and Debian's chromium to look at it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from dcp_cli.page.desk import CommandDesk
from dcp_pipeline.process.api_server import log_in
from dcp_ui.in_cluster import Settings, make_cluster_app
from dcp_ui.server import Options, make_app, serve
from support.kube_api.server import ApiServer
from support.ui_stage import Stage

TOKEN = "a-token-of-the-tests-0815"
PROGRAMS = ("chromium-headless-shell", "chromium")


@asynccontextmanager
async def served_page(built: Stage, actions: bool = False) -> AsyncIterator[str]:
    """The page on a free port of loopback; its URL, with the / at the end."""
    options = Options(port=0, token=TOKEN if actions else None, audit_path=built.folder / "audit.ndjson")
    desk = CommandDesk([built.folder], {**os.environ, **built.env, "DCP_STATE_DIR": str(built.folder / "state")})
    ports: asyncio.Queue[int] = asyncio.Queue()
    stopped = asyncio.Event()
    server = asyncio.create_task(serve(make_app(desk, options), options, stopped, ports.put_nowait))
    try:
        yield f"http://127.0.0.1:{await asyncio.wait_for(ports.get(), 60)}/"
    finally:
        stopped.set()
        await server


@asynccontextmanager
async def served_cluster(api: ApiServer, folder: Path, settings: Settings) -> AsyncIterator[str]:
    """The page of a cluster, on a free port of loopback; its URL, with the / at the end."""
    environment = {"KUBECONFIG": str(api.kubeconfig(folder))}
    app, options = make_cluster_app(settings, lambda: log_in(environment), host="127.0.0.1")
    ports: asyncio.Queue[int] = asyncio.Queue()
    stopped = asyncio.Event()
    server = asyncio.create_task(serve(app, options, stopped, ports.put_nowait))
    try:
        yield f"http://127.0.0.1:{await asyncio.wait_for(ports.get(), 60)}/"
    finally:
        stopped.set()
        await server


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Chromium without a window."""
    program = next((found for each in PROGRAMS if (found := shutil.which(each))), None)
    assert program, f"none of {', '.join(PROGRAMS)} is installed: make servers installs one"
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=Path(program), args=["--no-sandbox"])
        try:
            yield started
        finally:
            await started.close()
