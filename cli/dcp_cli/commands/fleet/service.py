"""`dcp service`."""

from __future__ import annotations

from pathlib import Path

import click

from dcp_cli.errors import exits


@click.group()
def command() -> None:
    """`dcp up` as a service of systemd: for you (--user), or for the machine (--system)."""


_scope = click.option("--user/--system", default=False, help="Of your own manager, or the machine's (the default).")
_name = click.option("--name", default="dcp", show_default=True, help="The unit's name.")


@command.command()
@click.argument(
    "specs", nargs=-1, required=True, metavar="FOLDER|SPEC...", type=click.Path(exists=True, path_type=Path)
)
@_scope
@_name
@click.option("--workers", type=click.IntRange(1, 64), metavar="N", help="As of `dcp up`.")
@click.option("--ui", is_flag=True, help="As of `dcp up`.")
@click.option(
    "--credentials",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of secrets, <name>/<key>: systemd hands them over.",
)
@click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Variables for it, NAME=value a line.",
)
@click.option("--no-start", is_flag=True, help="Write the unit only.")
@click.option("--print", "show", is_flag=True, help="Show the unit; nothing is written.")
@exits
def install(
    specs: tuple[Path, ...],
    user: bool,
    name: str,
    workers: int | None,
    ui: bool,
    credentials: Path | None,
    env_file: Path | None,
    no_start: bool,
    show: bool,
) -> int:
    """Write a unit that runs `dcp up`, enable and start it. Again, after an upgrade or with other options: as well."""
    from dcp_cli.service.command import install as install_service

    arguments = [*(("--workers", str(workers)) if workers else ()), *(("--ui",) if ui else ())]
    return install_service(specs, user, name, arguments, credentials, env_file, not no_start, show)


@command.command()
@_scope
@_name
@exits
def status(user: bool, name: str) -> int:
    """What systemd says of it; `dcp ps FOLDER` says more."""
    from dcp_cli.service.command import status as service_status

    return service_status(user, name)


@command.command()
@_scope
@_name
@exits
def uninstall(user: bool, name: str) -> int:
    """Stop it and remove the unit. State, logs and data stay."""
    from dcp_cli.service.command import uninstall as uninstall_service

    return uninstall_service(user, name)
