"""Writes the CustomResourceDefinitions, and the chart's copies, from their models; or checks them (--check)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from dcp_pipeline.spec.kubernetes.crd import PLURAL, custom_resource_definition
from dcp_pipeline.spec.kubernetes.task.crd import task_definition
from dcp_pipeline.spec.kubernetes.task.model import TASK_PLURAL

ROOT = Path(__file__).resolve().parent.parent
MANIFESTS, CHART = ROOT / "manifests/crd", ROOT / "charts/dcp-operator/files"
DEFINITIONS = (
    (custom_resource_definition, (MANIFESTS / f"{PLURAL}.yaml", CHART / "crd.yaml")),
    (task_definition, (MANIFESTS / f"{TASK_PLURAL}.yaml", CHART / "crd-tasks.yaml")),
)
"""The chart has copies, since Helm packs nothing from outside of its folder."""
HEADER = "# Made from pipeline/dcp_pipeline/spec by scripts/make_crd.py. Do not edit.\n"


class _Plain(yaml.SafeDumper):
    """No anchors: they are legal YAML, but nobody reads them."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def text_of(definition: dict[str, Any]) -> str:
    """The file's text."""
    return HEADER + yaml.dump(definition, Dumper=_Plain, sort_keys=False, width=116)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether it is out of date")
    check = parser.parse_args().check
    wanted = {target: text_of(made()) for made, targets in DEFINITIONS for target in targets}
    stale = [each for each, text in wanted.items() if not each.exists() or each.read_text() != text]
    for target in stale:
        name = target.relative_to(ROOT)
        if check:
            print(f"{name} is out of date: run `python scripts/make_crd.py`", file=sys.stderr)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(wanted[target])
        print(f"wrote {name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
