"""Writes the documents that are made from the code, or checks (--check) that they are up to date."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dcp_pipeline.settings import settings_table
from dcp_pipeline.spec.kubernetes.task.model import ALL, TaskSpec
from dcp_pipeline.spec.kubernetes.task.status import TaskStatus
from dcp_pipeline.spec.schema import json_schema, schema_of

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


TASKS = """# What a task may say, and says

A `DataCleaningTask` (`dct`) has `dcp` do something for a pipeline, in the cluster: [how, with
examples](operations.md#tasks-once-or-by-a-schedule). These tables are made from the code (`make docs`);
`kubectl explain dct.spec` has the same.

## spec

Exactly one of {members} is there.

{spec}

## status

{status}
"""


def fields_of(schema: dict[str, Any], place: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Place, type, default and description of each field, in the order of the model."""
    for name, each in schema.get("properties", {}).items():
        where = f"{place}.{name}" if place else name
        kind = "list" if each.get("type") == "array" else str(each.get("type", ""))
        default = json.dumps(each["default"]) if "default" in each else ""
        yield where, kind, default, each.get("description", "")
        if where != "resources":  # Kubernetes' own words
            yield from fields_of(each.get("items", each), f"{where}[]" if kind == "list" else where)


def table_of(part: type) -> str:
    """A Markdown table of the fields of a Struct."""
    rows = [
        f"| `{place}` | {kind} | {f'`{default}`' if default else ''} | {said.replace('|', '&#124;')} |"
        for place, kind, default, said in fields_of(schema_of(part))
    ]
    return "\n".join(["| field | | default | |", "|---|---|---|---|", *rows])


def documents() -> dict[Path, str]:
    """Every generated document and its text."""
    return {
        DOCS / "datacleaningpipeline.schema.json": json.dumps(json_schema(), indent=2) + "\n",
        DOCS / "task.md": TASKS.format(
            members=", ".join(f"`{each}`" for each in ALL), spec=table_of(TaskSpec), status=table_of(TaskStatus)
        ),
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
