"""What `dcp up` does once before it forks leaves no trace in a queue that others' work waits in."""

from __future__ import annotations

import os
import subprocess
import sys

from dcp_pipeline.queue.connection import connect
from support.redis_server import valkey_server

THEIRS = (
    "{default.warm-up}:ready",
    "{default.warm-up-2}:ready",
    "{shop.my-warm-up-7}:inbox",
    "warm-up-0123456789abcdef",
)


def test_the_warm_up_takes_no_other_pipeline_s_keys_whatever_it_is_called() -> None:
    """After an upgrade in place the queue holds what they wait for."""
    with valkey_server() as server:
        client = connect(server.url)
        for key in THEIRS:
            client.rpush(key, "work")
        code = "import sys; from dcp_cli.up.command import warm_up; warm_up(sys.argv[1])"
        command = [sys.executable, "-c", code, server.url]  # a process of its own: it sets signals, logs and folders
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, env={"PATH": os.environ["PATH"]})
        assert done.returncode == 0, done.stderr
        assert sorted(key.decode() for key in client.keys("*")) == sorted(THEIRS), done.stderr
        assert all(client.lrange(key, 0, -1) == [b"work"] for key in THEIRS)
        client.close()
