"""The commands, one file each, in the order in which `dcp --help` shows them. A file's `command` is what click calls.

Those on what the ledger keeps are in ledger/, those for a pipeline that runs on a server in server/. A command is
imported when it is called, and imports what it needs when it runs, so that `--help` stays quick.
"""

from __future__ import annotations

COMMANDS = (
    "run",
    "fetcher",
    "worker",
    "validate",
    "infer",
    "preview",
    "verify",
    "status",
    "ui",
    "queue",
    "submit",
    "simulate",
)
