"""`python -m dcp_worker SPEC`: the worker alone, as its image runs it. `dcp worker` is the same with more options."""

from __future__ import annotations

import os
import sys

from dcp_pipeline.observe.logs import set_up_logs
from dcp_pipeline.settings import SettingInvalid
from dcp_pipeline.setup import load_setup
from dcp_pipeline.spec.errors import SpecInvalid


def main(arguments: list[str]) -> int:
    """The exit code; 2 for usage or an invalid spec."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python -m dcp_worker SPEC   (settings: docs/settings.md)", file=sys.stderr)  # noqa: T201
        return 2
    try:
        setup = load_setup(arguments[0], os.environ)
        set_up_logs(setup.log_level, setup.log_format, setup.secrets.redact)
    except (SpecInvalid, SettingInvalid, ValueError) as error:
        print(f"dcp_worker: {error}", file=sys.stderr)  # noqa: T201
        return 2
    # Before Polars is imported: it sizes its pool once.
    os.environ.setdefault("POLARS_MAX_THREADS", str(setup.pipeline.spec.worker.concurrency))
    from dcp_worker.process import run_worker

    return run_worker(setup, os.environ.get("HEALTH_HOST", "0.0.0.0"), int(os.environ.get("HEALTH_PORT", "8080")))  # noqa: S104


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
