"""How a process hears that it is to stop."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_READ_BYTES = 64


@contextmanager
def told_to_stop(tell: Callable[[int], object]) -> Iterator[None]:
    """Calls `tell` with the number of every SIGTERM, SIGINT and SIGHUP while the block runs, from a thread of its own.
    Main thread only. A SIGHUP that nohup has switched off stays so.

    Python runs handlers in the main thread, and a wait there ends only if the kernel gives it the signal and to no
    other thread. After a pause (SIGSTOP, SIGCONT) it often does not: a worker that was then asked to stop went on.
    What Python writes to the wakeup descriptor is written by whichever thread the kernel chose.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    # Without a handler Python would not notice the signal at all.
    heard = [each for each in _NUMBERS if each is not signal.SIGHUP or signal.getsignal(each) is not signal.SIG_IGN]
    handlers = {number: signal.signal(number, lambda *_: None) for number in heard}
    descriptor = signal.set_wakeup_fd(writer.fileno())
    listener = threading.Thread(target=_listen, args=(reader, tell), name="signals", daemon=True)
    listener.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        writer.close()
        listener.join()
        reader.close()


def _listen(reader: socket.socket, tell: Callable[[int], object]) -> None:
    while numbers := reader.recv(_READ_BYTES):
        for number in numbers:
            if number in _NUMBERS:
                tell(number)
