"""Writes the documents that are made from the code, or checks (--check) that they are up to date."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from dcp_pipeline.settings import settings_table
from dcp_pipeline.spec.schema import json_schema

DOCS = Path(__file__).resolve().parent.parent / "docs"

SETTINGS = """# Settings from the environment

The later goes before the earlier: the spec, `--profile`, these variables, flags (`--redis`, `--sink`). This table is
made from the code (`make docs`).

{table}

The three load profiles of the older system, as `--profile`:

| profile | internal workers | records in a batch |
|---|---|---|
| low | 1 | 2,500 |
| medium | 2 | 5,000 |
| high | 4 | 10,000 |
"""


def documents() -> dict[Path, str]:
    """Every generated document and its text."""
    return {
        DOCS / "datacleaningpipeline.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        DOCS / "settings.md": SETTINGS.format(table=settings_table()),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which are out of date")
    check = parser.parse_args().check
    stale = [path for path, text in documents().items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if check:
            print(f"{path.name} is out of date: run `make docs`", file=sys.stderr)
        else:
            path.write_text(documents()[path])
            print(f"wrote {path.name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
