"""Writes the CustomResourceDefinition, and the chart's copy, from the spec's model; or checks them (--check)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

from dcp_pipeline.spec.kubernetes.crd import PLURAL, custom_resource_definition

ROOT = Path(__file__).resolve().parent.parent
TARGETS = (ROOT / "manifests/crd" / f"{PLURAL}.yaml", ROOT / "charts/dcp-operator/files/crd.yaml")
"""The chart has a copy, since Helm packs nothing from outside of its folder."""
HEADER = "# Made from pipeline/dcp_pipeline/spec by scripts/make_crd.py. Do not edit.\n"


class _Plain(yaml.SafeDumper):
    """No anchors: they are legal YAML, but nobody reads them."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def text() -> str:
    """The file's text."""
    return HEADER + yaml.dump(custom_resource_definition(), Dumper=_Plain, sort_keys=False, width=116)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether it is out of date")
    check = parser.parse_args().check
    stale = [each for each in TARGETS if not each.exists() or each.read_text() != text()]
    for target in stale:
        name = target.relative_to(ROOT)
        if check:
            print(f"{name} is out of date: run `python scripts/make_crd.py`", file=sys.stderr)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text())
        print(f"wrote {name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
