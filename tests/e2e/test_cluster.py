"""The cluster under the end-to-end tests is one that its promises can be tested on. Needs a KUBECONFIG, no more.

Its image is the base of the project's own (make images-load), or the one that E2E_PYTHON_IMAGE names.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream

from e2e.cluster import settings
from support.waiting import wait_until

IMAGE = os.environ.get("E2E_PYTHON_IMAGE", "dcp-e2e/python:e2e")
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "seccompProfile": {"type": "RuntimeDefault"},
}
WAITING = "import signal; signal.sigwait([signal.SIGTERM])"


@pytest.fixture(scope="module")
def core() -> client.CoreV1Api:
    path = os.environ.get("KUBECONFIG") or str(settings.read().kubeconfig)
    if not os.path.exists(path):
        pytest.fail(f"no cluster: {path} does not exist (make cluster-up, or set KUBECONFIG)")
    return client.CoreV1Api(config.new_client_from_config(path))


@pytest.fixture(scope="module")
def namespace(core: client.CoreV1Api) -> Iterator[str]:
    """A namespace in which only pods of the restricted profile are let in."""
    name = f"e2e-cluster-{uuid.uuid4().hex[:6]}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    core.create_namespace({"metadata": {"name": name, "labels": labels}})
    # Pods are refused until the controller has made the account they run as.
    wait_until(lambda: _exists(core.read_namespaced_service_account, "default", name), "the default service account")
    yield name
    core.delete_namespace(name)


def pod(name: str, program: str, **container: Any) -> dict[str, Any]:
    """A pod of the restricted profile that runs a line of Python."""
    volume = {"name": "tmp", "emptyDir": {}}
    return {
        "metadata": {"name": name},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "restartPolicy": "Always",
            "volumes": [volume],
            "containers": [
                {
                    "name": "main",
                    "image": IMAGE,
                    "command": ["python3", "-c", program],
                    "securityContext": RESTRICTED,
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                    **container,
                }
            ],
        },
    }


def test_every_node_is_ready(core: client.CoreV1Api) -> None:
    nodes = core.list_node().items
    assert nodes
    for node in nodes:
        assert {condition.type: condition.status for condition in node.status.conditions}["Ready"] == "True"


def test_a_pod_of_the_images_base_runs_under_restricted_pod_security(core: client.CoreV1Api, namespace: str) -> None:
    core.create_namespaced_pod(namespace, pod("restricted", WAITING))
    wait_until(lambda: _is_ready(core, namespace, "restricted"), f"a pod of {IMAGE} (make images-load)", 90)
    assert _run(core, namespace, "restricted", "import os; print(os.getuid())") == "65532"


def test_a_pod_that_wants_more_than_the_restricted_profile_is_refused(core: client.CoreV1Api, namespace: str) -> None:
    with pytest.raises(ApiException, match="violates PodSecurity") as refused:
        core.create_namespaced_pod(namespace, pod("privileged", WAITING, securityContext={"privileged": True}))
    assert refused.value.status == 403


def test_a_service_s_name_resolves_in_a_pod(core: client.CoreV1Api, namespace: str) -> None:
    core.create_namespaced_pod(namespace, pod("resolver", WAITING))
    wait_until(lambda: _is_ready(core, namespace, "resolver"), "a pod to ask from", 90)
    expected = core.read_namespaced_service("kubernetes", "default").spec.cluster_ip
    ask = "import socket; print(socket.gethostbyname('kubernetes.default.svc.cluster.local'))"
    # The node is Ready a moment before CoreDNS is.
    wait_until(lambda: _run(core, namespace, "resolver", ask) == expected, "the name of the API's service", 60)


def test_a_failing_exec_probe_restarts_the_container(core: client.CoreV1Api, namespace: str) -> None:
    alive = {"exec": {"command": ["test", "-e", "/tmp/alive"]}, "periodSeconds": 1, "failureThreshold": 1}
    # The volume outlives the container: only the start makes the file, so the restarted one is alive again.
    program = f"open('/tmp/alive', 'w'); {WAITING}"
    core.create_namespaced_pod(namespace, pod("probed", program, startupProbe=alive | {"failureThreshold": 30},
                                              livenessProbe=alive))  # fmt: skip
    wait_until(lambda: _is_ready(core, namespace, "probed"), "the probe to succeed", 90)
    assert _status(core, namespace, "probed").restart_count == 0
    _run(core, namespace, "probed", "import os; os.remove('/tmp/alive')")
    wait_until(lambda: _status(core, namespace, "probed").restart_count == 1, "a restart by the probe", 60)
    wait_until(lambda: _is_ready(core, namespace, "probed"), "the restarted container", 60)


def test_a_container_over_its_memory_limit_is_oom_killed(core: client.CoreV1Api, namespace: str) -> None:
    limits = {"resources": {"requests": {"memory": "32Mi"}, "limits": {"memory": "32Mi"}}}
    core.create_namespaced_pod(namespace, pod("greedy", "x = b'x' * (256 << 20)", **limits))

    def was_killed() -> bool:
        status = _status(core, namespace, "greedy")
        ended = status and (status.state.terminated or status.last_state.terminated)
        return bool(ended and ended.reason == "OOMKilled")

    wait_until(was_killed, "an OOMKilled container", 90)


def test_the_audit_log_tells_who_wrote_what(core: client.CoreV1Api, namespace: str) -> None:
    name = f"written-{uuid.uuid4().hex[:6]}"
    core.create_namespaced_config_map(namespace, {"metadata": {"name": name}})
    core.read_namespaced_config_map(name, namespace)
    seen = [entry for entry in _audit_log(core) if entry.get("objectRef", {}).get("name") == name]
    assert [entry["verb"] for entry in seen] == ["create"]
    assert seen[0]["objectRef"]["resource"] == "configmaps"
    assert seen[0]["user"]["username"]
    assert "requestObject" not in seen[0]


def _audit_log(core: client.CoreV1Api) -> list[dict[str, Any]]:
    """The API server's log of writes, through the kubelet, which serves its node's /var/log."""
    node = core.list_node(label_selector="node-role.kubernetes.io/control-plane").items[0].metadata.name
    try:
        text = core.connect_get_node_proxy_with_path(node, "logs/kubernetes/audit.log", _preload_content=False).data
    except ApiException as refused:
        pytest.skip(f"this cluster keeps no audit log where a test can read it: {refused.status}")
    return [json.loads(line) for line in text.splitlines()]


def _exists(read: Any, name: str, namespace: str) -> bool:
    try:
        read(name, namespace)
    except ApiException as refused:
        if refused.status != 404:
            raise
        return False
    return True


def _status(core: client.CoreV1Api, namespace: str, name: str) -> Any:
    statuses = core.read_namespaced_pod_status(name, namespace).status.container_statuses
    return statuses[0] if statuses else None


def _is_ready(core: client.CoreV1Api, namespace: str, name: str) -> bool:
    status = _status(core, namespace, name)
    return bool(status and status.ready)


def _run(core: client.CoreV1Api, namespace: str, name: str, program: str) -> str:
    """What a line of Python prints inside a pod, its errors too."""
    command = ["python3", "-c", program]
    said: str = stream(core.connect_get_namespaced_pod_exec, name, namespace, command=command, stdout=True, stderr=True)
    return said.strip()
