"""Writes the CustomResourceDefinition from the spec's model, or checks (--check) that it is up to date."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

from dcp_pipeline.spec.crd import PLURAL, custom_resource_definition

TARGET = Path(__file__).resolve().parent.parent / "manifests" / "crd" / f"{PLURAL}.yaml"
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
    if TARGET.exists() and TARGET.read_text() == text():
        return 0
    if check:
        print(f"{TARGET.name} is out of date: run `python scripts/make_crd.py`", file=sys.stderr)
        return 1
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text())
    print(f"wrote {TARGET.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
