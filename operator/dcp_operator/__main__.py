"""`python -m dcp_operator`, as its image runs it. Read process.py next."""

from __future__ import annotations

import os
import signal
import sys


def main() -> int:
    """The exit code. A container's first process ignores every signal that it has no handler for, so there is one
    before the imports, which take seconds on a busy node: else a SIGTERM during them would be lost."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    from dcp_pipeline.process.starting import nothing_is_garbage

    with nothing_is_garbage():
        from dcp_operator.process import run_operator

    return run_operator(os.environ)


if __name__ == "__main__":
    sys.exit(main())
