"""What the cluster is made of: every version in one place. The Go modules' own locks are under go/."""

from __future__ import annotations

KUBERNETES = "1.34.4"
"""Built from modules where no registry is reached. Not every patch release is served by the module proxy."""

DEBIAN = "bookworm"
"""The base of the node and of the test images."""

GO_AT_LEAST = (1, 24)

KIND_AT_LEAST = (0, 30)
HELM_AT_LEAST = (3, 14)

STOCK_NODE_IMAGE = "kindest/node:v1.34.0"
"""The node image that kind 0.30 was released with; pulled where a registry is reached."""

CLUSTER_NAME = "dcp-e2e"


def minor(version: str) -> tuple[int, int]:
    """The first two numbers of a version: "v1.34.4" is (1, 34)."""
    major, second, *_ = version.lstrip("v").split(".")
    return int(major), int(second)
