"""The cluster itself, made by kind, with an audit log and aggregation as kubeadm sets it up: one node, or one and some
workers beside it (nodes.py)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.cluster import nodes, versions
from e2e.cluster.engine import Engine
from e2e.cluster.progress import ClusterError, Steps, output, succeeds
from e2e.cluster.settings import Settings

AUDIT_POLICY = Path(__file__).parent / "audit-policy.yaml"
READY_WITHIN = "180s"


@dataclass(frozen=True)
class Kind:
    settings: Settings
    engine: Engine
    name: str = versions.CLUSTER_NAME
    workers: int = 0
    """Nodes beside the control plane's."""

    @property
    def kubeconfig(self) -> Path:
        own = self.settings.kubeconfig
        return own if self.name == versions.CLUSTER_NAME else own.with_name(f"{own.name}-{self.name}")

    @property
    def nodes(self) -> list[str]:
        """Their containers' names; the first is the control plane's."""
        return nodes.names(self.name, self.workers)

    @property
    def program(self) -> Path:
        return self.settings.tools / "kind"

    @property
    def kubectl(self) -> list[str | Path]:
        return [self.settings.tools / "kubectl", "--kubeconfig", self.kubeconfig]

    def exists(self) -> bool:
        listed = output([self.program, "get", "clusters"], env=self.engine.env)
        return self.name in listed.split()

    def runs(self, image: str) -> bool:
        """Whether the cluster answers and its node is of this image."""
        try:
            node = self.engine.docker("inspect", "--format", "{{.Config.Image}} {{.State.Running}}", self.nodes[0])
        except ClusterError:
            return False
        return node.split() == [image, "true"] and answers(self.kubectl)

    def create(self, image: str, own_image: bool, steps: Steps) -> None:
        """Make the cluster, or leave one that runs as it is. Counts as one step. Raises ClusterError."""
        if self.runs(image):
            steps.skip(f"cluster {self.name}")
            return
        with steps.step("kind", f"cluster {self.name} on {image}"):
            # What a crash left (a stopped node, a node of another image) is not worth mending: new is 20 seconds.
            self.delete()
            config = self.kubeconfig.with_name(self.kubeconfig.name.replace("kubeconfig", "kind") + ".json")
            config.write_text(json.dumps(self._configuration(own_image), indent=1))
            words: list[str | Path] = [
                "--name",
                self.name,
                "--image",
                image,
                "--config",
                config,
                "--wait",
                READY_WITHIN,
            ]
            try:
                steps.run(
                    [self.program, "create", "cluster", *words, "--kubeconfig", self.kubeconfig, "--retain"],
                    env=self.engine.env,
                )
                if own_image:
                    nodes.join(self.engine, self.nodes)
                # kind waits for the node; names and services work a moment later.
                for what in ("daemonset/kube-proxy", "deployment/coredns"):
                    words = ["-n", "kube-system", "rollout", "status", what, "--timeout", READY_WITHIN]
                    steps.run([*self.kubectl, *words])
            except ClusterError:
                self._keep_logs()
                self.delete()
                raise

    def delete(self) -> None:
        """Take the cluster away, whatever state it is in; none is fine. Raises ClusterError."""
        words: list[str | Path] = ["--name", self.name, "--kubeconfig", self.kubeconfig]
        output([self.program, "delete", "cluster", *words], env=self.engine.env, within_seconds=120)

    def load(self, images: list[str], steps: Steps) -> None:
        """Take images into the node; those that it has already are left out. Counts as one step."""
        if not self.exists():
            raise ClusterError("no cluster runs here: make cluster-up")
        with steps.step("load", f"{len(images)} images into the node"):
            steps.run([self.program, "load", "docker-image", "--name", self.name, *images], env=self.engine.env)

    def _configuration(self, own_image: bool) -> dict[str, Any]:
        """With workers, and a network of pods for each node, where there are several."""
        made = configuration(own_image)
        if self.workers:
            (first,) = made["nodes"]
            made["nodes"] = [first, *({"role": "worker"} for _ in range(self.workers))]
            for number, each in enumerate(made["nodes"] if own_image else ()):
                each["extraMounts"] = [*each.get("extraMounts", ()), nodes.network(self.settings.cache, number)]
        return made

    def _keep_logs(self) -> None:
        """kubelet's and containerd's own words, for the person who reads why the cluster did not come up."""
        folder = self.settings.logs / "node"
        succeeds(
            [self.program, "export", "logs", "--name", self.name, folder],
            env=self.engine.env,
            within_seconds=60,
        )


def answers(kubectl: list[str | Path]) -> bool:
    return succeeds([*kubectl, "get", "--raw", "/readyz"])


def configuration(own_image: bool) -> dict[str, Any]:
    """kind's configuration. Our own node image has a bridge for one node instead of kind's network daemon."""
    log = "/var/log/kubernetes/audit.log"
    policy = "/etc/kubernetes/audit-policy.yaml"
    volumes = [
        {"name": "audit-policy", "hostPath": policy, "mountPath": policy, "readOnly": True, "pathType": "File"},
        {
            "name": "audit-log",
            "hostPath": "/var/log/kubernetes",
            "mountPath": "/var/log/kubernetes",
            "pathType": "DirectoryOrCreate",
        },
    ]
    server = {
        "audit-policy-file": policy,
        "audit-log-path": log,
        "audit-log-maxsize": "100",
        "audit-log-maxbackup": "2",
    }
    patch = {"kind": "ClusterConfiguration", "apiServer": {"extraArgs": server, "extraVolumes": volumes}}
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": {
            "disableDefaultCNI": own_image,
            "podSubnet": "10.245.0.0/16",
            "serviceSubnet": "10.97.0.0/16",
        },
        "nodes": [
            {
                "role": "control-plane",
                "extraMounts": [{"hostPath": str(AUDIT_POLICY), "containerPath": policy, "readOnly": True}],
                "kubeadmConfigPatches": [json.dumps(patch)],
            }
        ],
    }
