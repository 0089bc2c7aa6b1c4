"""`dcp submit`: leave a file in the inbox of a running fetcher."""

from __future__ import annotations

import json
import secrets
from contextlib import ExitStack

from dcp_cli.errors import CommandFailed
from dcp_cli.look import client_of
from dcp_cli.options import print_json
from dcp_cli.shown.say import say
from dcp_pipeline.process.exit_codes import DONE
from dcp_pipeline.queue import Inbox
from dcp_pipeline.setup import Setup


def submit_task(setup: Setup, url: str, priority: int | None, source: str | None, output: str) -> int:
    """Push the task; prints its id, by which `dcp queue` shows its progress."""
    names = [each.name for each in setup.pipeline.spec.sources]
    if source is not None and source not in names:
        raise CommandFailed(f"--source {source!r} is no source of the spec; sources: {', '.join(names)}")
    task: dict[str, object] = {"id": secrets.token_hex(8), "url": url}
    task |= {"priority": priority} if priority is not None else {}
    task |= {"source": source} if source is not None else {}
    with ExitStack() as stack:
        waiting = Inbox(client_of(setup, stack), setup.pipeline.queue_name).push(json.dumps(task))
    if output == "json":
        print_json({**task, "queue": setup.pipeline.queue_name, "inbox": waiting})
    else:
        say(f"task {task['id']} left in {setup.pipeline.queue_name}; {waiting} wait there (see `dcp queue`)")
    return DONE
