"""Where a pipeline's files lie: beside its spec, whatever folder cron or a service starts in."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from dcp_pipeline.dialects import facts_of
from dcp_pipeline.errors import Unusable

STATE = ".dcp"


def folder_of(spec: Path) -> Path:
    """The folder that relative paths are beside: the spec's; the working folder where the spec comes through a pipe."""
    path = spec.resolve()
    return Path.cwd() if path.exists() and not path.is_file() else path.parent


def beside(folder: Path, url: str) -> str:
    """A sink's URL, its file in `folder` where it is a file with a relative path.

    Raises Unusable where no URL can say the folder's name.
    """
    facts = facts_of(url)
    path = facts.path_in(url) if facts else None
    if not path or path.startswith(("/", ":")):
        return url
    whole = os.path.normpath(folder / path)
    if "?" in whole:
        raise Unusable(f"no URL can name {whole}, for the ? in it: name another database with --sink")
    scheme, _, rest = url.partition("://")
    return f"{scheme}:///{whole}{''.join(rest.partition('?')[1:])}"


def state_base(folder: Path, environment: Mapping[str, str]) -> Path:
    """The folder below which pipelines keep their state: $DCP_STATE_DIR, else `.dcp` beside the spec, else, where
    nothing can be written there, one of this user's own."""
    if told := environment.get("DCP_STATE_DIR"):
        return Path(told)
    base = folder / STATE
    if os.access(base if os.path.lexists(base) else folder, os.W_OK | os.X_OK):
        return base
    # Here, since few specs lie where nothing can be written.
    from platformdirs import user_state_path

    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return user_state_path("dcp", appauthor=False) / name
