"""`dcp --help` imports every command; none of them imports what is wanted only when it runs."""

from __future__ import annotations

import subprocess
import sys

HELP = """
import sys
from dcp_cli.__main__ import main
try:
    main(["--help"])
finally:
    print(*sys.modules, file=sys.stderr)
"""


def test_help_imports_neither_the_spec_nor_what_a_command_works_with() -> None:
    ran = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    imported = set(ran.stderr.split())
    assert "verify" in ran.stdout
    assert "dcp_cli.commands.verify" in imported
    heavy = {"dcp_pipeline.spec.model", "dcp_pipeline.setup", "sqlalchemy", "polars", "redis", "importlib.metadata"}
    assert heavy & imported == set()
