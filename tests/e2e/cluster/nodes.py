"""Several nodes of our own image: kind's network daemon is not in it, so each gets a bridge with addresses of its own, and
ways to the others'."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from e2e.cluster.engine import Engine

CONFLIST = Path(__file__).parent / "node/files/etc/cni/net.d/10-bridge.conflist"
PLACE = "/etc/cni/net.d/10-bridge.conflist"


def names(cluster: str, workers: int) -> list[str]:
    """As kind calls the nodes' containers; the control plane's is the first."""
    return [f"{cluster}-control-plane", *(f"{cluster}-worker{n if n > 1 else ''}" for n in range(1, workers + 1))]


def subnet(number: int) -> str:
    return f"10.245.{number}.0/24"


def network(cache: Path, number: int) -> dict[str, Any]:
    """The mount that gives a node its bridge."""
    document = json.loads(CONFLIST.read_text())
    document["plugins"][0]["ipam"]["ranges"] = [[{"subnet": subnet(number)}]]
    path = cache / f"bridge-{number}.conflist"
    path.write_text(json.dumps(document))
    return {"hostPath": str(path), "containerPath": PLACE, "readOnly": True}


def join(engine: Engine, containers: list[str]) -> None:
    """Ways from each node to the pods of all others. A node that was started anew has lost its own."""
    at = {each: engine.docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", each).strip()
          for each in containers}  # fmt: skip
    for each in containers:
        for number, other in enumerate(containers):
            if other != each:
                engine.docker("exec", each, "ip", "route", "replace", subnet(number), "via", at[other])
