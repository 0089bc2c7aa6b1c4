"""One message by Apprise, in a process of its own: `python -m dcp_cli.notify.deliver`, a Delivery in JSON on stdin.

Ends with 0 where the service took it; else 1, and says why on stdout.
"""

from __future__ import annotations

import io
import logging
import resource
import sys

import msgspec

MOST_BYTES = 512 << 20
"""Of this process's memory, of which it needs a tenth."""


class Delivery(msgspec.Struct, frozen=True):
    """What to send where."""

    url: str
    title: str
    body: str
    type: str


def main() -> int:
    """The exit code."""
    wanted = msgspec.json.decode(sys.stdin.buffer.read(), type=Delivery)
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, most))  # an answer is read whole, however long it is
    said = io.StringIO()
    logging.basicConfig(stream=said, level=logging.WARNING, format="%(message)s", force=True)
    try:
        import apprise
    except ModuleNotFoundError:
        print("Apprise is not installed: pip install 'datacleaning-pipelines[notify]'")  # noqa: T201
        return 1
    # A service that sends us on to another address is not where this was to go, and that may lie inside.
    asset = apprise.AppriseAsset(http_redirects=False)
    service = apprise.Apprise.instantiate(wanted.url, asset=asset, suppress_exceptions=True)
    if service is None:
        print("its URL is none that Apprise knows")  # noqa: T201
        return 1
    try:
        sent = service.notify(
            title=wanted.title,
            body=wanted.body,
            notify_type=apprise.NotifyType(wanted.type),
            body_format=apprise.NotifyFormat.TEXT,  # what a feed calls its files is no markup
        )
    except MemoryError:
        print("its answer has no end")  # noqa: T201
        return 1
    if sent:
        return 0
    print(said.getvalue()[-2000:].strip() or "the service did not take it")  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
