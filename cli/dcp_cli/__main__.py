"""`dcp`. The commands stand in commands/, one file each."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from dcp_cli.commands import COMMANDS
from dcp_cli.commands.fleet import COMMANDS as FLEET
from dcp_cli.commands.ledger import COMMANDS as ON_THE_LEDGER
from dcp_cli.commands.server import COMMANDS as ON_A_SERVER
from dcp_cli.errors import pipe_closed

_FOLDERS = {
    "dcp_cli.commands": COMMANDS,
    "dcp_cli.commands.fleet": FLEET,
    "dcp_cli.commands.ledger": ON_THE_LEDGER,
    "dcp_cli.commands.server": ON_A_SERVER,
}
EPILOG = """\b
Exit codes: 0 done · 1 failed, dead batches, an object unavailable, not as `expect` says,
              or books that don't balance
            2 invalid spec or usage · 75 another run has the pipeline in hand · 124 --timeout is over
            130 interrupted after a clean stop · 141 whoever read the output has closed it
Settings from the environment: docs/settings.md
"""


class Listed(click.Group):
    """A group whose commands are the files of commands/, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for names in _FOLDERS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        folders = [folder for folder, names in _FOLDERS.items() if cmd_name in names]
        if not folders:
            return None
        command: click.Command = importlib.import_module(f"{folders[0]}.{cmd_name}").command
        return command

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """As click's; `--help` prints here."""
        with _until_the_pipe_is_closed():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """As click's."""
        with _until_the_pipe_is_closed():
            return super().invoke(ctx)


@contextmanager
def _until_the_pipe_is_closed() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        sys.exit(pipe_closed())


@click.group(
    cls=Listed, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="datacleaning-pipelines", prog_name="dcp")
def main() -> None:
    """Data cleaning pipelines whose books balance: for every input, read = written + duplicates + rejected +
    filtered + dead, exactly, whatever is killed in between.

    \b
    Start here:
      dcp validate examples/botnet.yaml      is the spec right?
      dcp preview examples/botnet.yaml       what would become of the first records?
      dcp run examples/botnet.yaml --once    clean everything that is listed
      dcp verify examples/botnet.yaml        recompute the books from the table alone
    """


if __name__ == "__main__":
    main()
