"""What a Docker engine leaves in the machine's packet filter, taken back when ours ends.

An engine that ends leaves its (empty) chains, forwarding switched on and, worse, the policy of the FORWARD chain at
DROP: other programs' bridges and network namespaces would no longer be routed.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from e2e.cluster import packages
from e2e.cluster.progress import ClusterError, output

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


@dataclass(frozen=True)
class Before:
    """The machine's state before any engine touched it."""

    forward_policy: str
    forwarding: str


def remember(path: Path) -> None:
    """Write down the state, unless an engine's rules are in it (then someone else's, or a crashed one of ours)."""
    rules = _rules("filter")
    if any("DOCKER" in rule for rule in rules):
        return
    policy = next(rule.split()[2] for rule in rules if rule.startswith("-P FORWARD"))
    path.write_text(json.dumps(asdict(Before(policy, FORWARDING.read_text().strip()))))


def restore(path: Path) -> None:
    """Take the engine's rules away and set back what remember() saw; without its file, leave all as it is.

    Raises ClusterError.
    """
    if not path.exists():
        return
    before = Before(**json.loads(path.read_text()))
    for table in ("nat", "filter"):
        rules = _rules(table)
        for command in removals(rules):
            _iptables("-t", table, *command)
    _iptables("-P", "FORWARD", before.forward_policy)
    FORWARDING.write_text(before.forwarding)
    path.unlink()


def removals(rules: list[str]) -> list[list[str]]:
    """The commands that take Docker's chains out of a table's `iptables -S`, in an order that iptables accepts."""
    words = [shlex.split(rule) for rule in rules]
    chains = [rule[1] for rule in words if rule[0] == "-N" and rule[1].startswith("DOCKER")]
    jumps = [rule for rule in words if rule[0] == "-A" and rule[1] not in chains and chains_of(rule) & {*chains}]
    return (
        [["-D", *rule[1:]] for rule in jumps]
        + [["-F", chain] for chain in chains]
        + [["-X", chain] for chain in chains]
    )


def chains_of(rule: list[str]) -> set[str]:
    """Where a rule jumps to."""
    return {target for flag, target in pairwise(rule) if flag == "-j"}


def _rules(table: str) -> list[str]:
    return _iptables("-t", table, "-S").splitlines()


def _iptables(*words: str) -> str:
    program = packages.which("iptables")
    if program is None:
        raise ClusterError("iptables is not installed: apt-get install iptables")
    return output([program, "--wait", *words])
