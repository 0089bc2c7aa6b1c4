"""A transform of the spec, compiled by the file of this folder that has it; dcp_pipeline.spec.transforms lists them."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from dcp_pipeline.spec.transforms import FILE_OF, LISTED, Transform
from dcp_worker.clean.outside import Outside
from dcp_worker.clean.transforms.change import At, Change, Compiled
from dcp_worker.ground.errors import PlanError


def compiled(transform: Transform, path: str, missing: Sequence[str], outside: Outside) -> Change:
    """The transform; `missing` are the words that stand for a missing value.

    A file is imported when a spec uses it: some bring libraries that take a while. Raises PlanError naming the setting
    below `path` that cannot be followed, and what `outside` raises.
    """
    if isinstance(transform, str):
        return _made(
            transform, LISTED[transform].settings() if transform in LISTED else None, At(path, missing, outside)
        )
    for name, rule in transform.given():
        return _made(name, rule, At(f"{path}.{name}", missing, outside))
    raise PlanError(path, "has no member")


def _made(name: str, rule: object, at: At) -> Change:
    compilers: Compiled = importlib.import_module(f"{__package__}.{FILE_OF[name]}").COMPILED
    return compilers[name](rule, at)
