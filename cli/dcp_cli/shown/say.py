"""Lines for people. What comes from outside stands in them, so nothing in them steers a terminal."""

from __future__ import annotations

import sys

import click

from dcp_pipeline.observe.printable import printable, readable

REDACT = "dcp.redact"
"""Where a command's context has what hides its pipeline's secrets."""


def say(text: str, err: bool = False) -> None:
    """A line, or several, to stdout or stderr."""
    click.echo(printable(readable(text)), err=err)


def hand_out(document: str) -> None:
    """A text that is to be used: into a file as it is, to a terminal as people may see it."""
    click.echo(printable(document) if to_a_terminal() else document, nl=False)


def to_a_terminal() -> bool:
    """Whether people read stdout as it is: what goes elsewhere goes unchanged."""
    return sys.stdout.isatty()
