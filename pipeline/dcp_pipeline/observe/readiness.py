"""What a process tells whoever manages it, by systemd's protocol: datagrams to the socket that $NOTIFY_SOCKET names.

systemd reads it (`Type=notify`, the watchdog), and so does `dcp up` of its own processes. Nobody is told where the
variable is not set. sd_notify(3) has the words; those that begin with X_ are ours.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)

NOTIFY_SOCKET = "NOTIFY_SOCKET"
READY, STOPPING, WATCHDOG = "READY=1", "STOPPING=1", "WATCHDOG=1"
METRICS = "X_METRICS="
"""At which port of loopback its metrics are."""


def tell_manager(*words: str, environment: Mapping[str, str] | None = None) -> bool:
    """Whether the manager was told. One that cannot be reached stops no work, and is only noted in the log."""
    address = (os.environ if environment is None else environment).get(NOTIFY_SOCKET, "")
    if not address.startswith(("/", "@")):
        return False
    message = "\n".join((*words, f"X_PID={os.getpid()}")).encode()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
            manager.settimeout(1)
            manager.sendto(message, "\0" + address[1:] if address.startswith("@") else address)
    except OSError as error:
        log.debug("the process manager cannot be told", extra={"words": words, "error": str(error)})
        return False
    return True


def watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """After how long the manager takes this process for hung; None where it does not watch."""
    microseconds, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or (pid and pid != str(os.getpid())):
        return None
    return int(microseconds) / 1e6 or None
