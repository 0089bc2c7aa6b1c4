"""What our processes end with, whether `dcp` or a component alone: README promises these numbers."""

from __future__ import annotations

DONE = 0
FAILED = 1
INVALID = 2
"""A spec, a setting or the usage."""
HUNG = 70
"""A worker whose batch took longer than worker.batchTimeout: it ends, so that others get the batch."""
OVERLAPPING = 75
"""Another `dcp run` has the pipeline in hand: nothing was done (sysexits' EX_TEMPFAIL)."""
TIMED_OUT = 124
"""`--timeout` was over before the work was; what is done is kept."""
INTERRUPTED = 130
"""After a clean stop."""
PIPE_CLOSED = 141
"""Whoever read the output wants no more of it: as the shell says of SIGPIPE."""
