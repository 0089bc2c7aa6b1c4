"""Serves the page until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from dcp_cli.errors import CommandFailed
from dcp_cli.page.desk import CommandDesk
from dcp_cli.shown.say import say
from dcp_cli.spec_files import none_in, spec_files
from dcp_pipeline.files.places import folder_of, state_base
from dcp_pipeline.observe.logs import set_up_logs
from dcp_pipeline.process.exit_codes import DONE
from dcp_pipeline.process.stopping import told_to_stop
from dcp_ui.server import Options, make_app, serve

TOKEN_VARIABLE = "DCP_UI_TOKEN"  # noqa: S105  (its name)
_LEAST_CHARACTERS = 16


def serve_page(
    specs: Sequence[Path], host: str, port: int, hosts: Sequence[str], actions: bool, token_file: Path | None
) -> int:
    """Serve; the exit code."""
    desk = CommandDesk(specs, os.environ)
    set_up_logs(os.environ.get("LOG_LEVEL") or "info", os.environ.get("LOG_FORMAT") or "", desk.redact)
    if not spec_files(specs):
        raise none_in(specs)
    desk.specs()  # before the first page: a thousand specs take seconds to parse
    state = state_base(folder_of(spec_files(specs)[0]), os.environ)
    token = _token(token_file, state) if actions else None
    allowed = frozenset(each.lower() for each in hosts)
    options = Options(host, port, token, state / "ui-audit.ndjson" if actions else None, allowed)
    asyncio.run(_serve(desk, options, host))
    return DONE


async def _serve(desk: CommandDesk, options: Options, host: str) -> None:
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()

    def told(port: int) -> None:
        named = f"[{host}]" if ":" in host else host
        say(f"http://{named}:{port}/" + ("" if options.token else "  (read only)"))

    with told_to_stop(lambda _: loop.call_soon_threadsafe(stopped.set)):
        await serve(make_app(desk, options), options, stopped, told)


def _token(path: Path | None, state: Path) -> str:
    """The token of --actions. It is never printed: it would stay in a journal."""
    if path is None and (given := os.environ.get(TOKEN_VARIABLE)):
        return _long_enough(given, f"${TOKEN_VARIABLE}")
    if path is None:
        path = state / "ui-token"
        if not path.exists():
            state.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(24) + "\n")
        say(f"the token to act with is in {path}")
    return _long_enough(path.read_text(encoding="utf-8").strip(), str(path))


def _long_enough(token: str, where: str) -> str:
    if len(token) < _LEAST_CHARACTERS:
        raise CommandFailed(f"the token in {where} has less than {_LEAST_CHARACTERS} characters: it could be guessed")
    return token
