"""The kinds of Kubernetes objects that the operator deals with, and their paths in the API."""

from __future__ import annotations

from dataclasses import dataclass

from dcp_pipeline.spec.kubernetes.crd import GROUP, PLURAL, VERSION
from dcp_pipeline.spec.kubernetes.task.model import TASK_KIND, TASK_PLURAL
from dcp_pipeline.spec.model import KIND


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind: `group` is empty for the core group. Each is there once, below: they are told apart by identity, which
    a table of 100,000 objects asks for all the time."""

    group: str
    version: str
    plural: str
    kind: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The path of the collection or of one object; no namespace: of all namespaces."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        steps = [root, *(["namespaces", namespace] if namespace else []), self.plural]
        return "/".join([*steps, *([name] if name else []), *([subresource] if subresource else [])])


PIPELINE = Kind(GROUP, VERSION, PLURAL, KIND)
TASK = Kind(GROUP, VERSION, TASK_PLURAL, TASK_KIND)
JOB = Kind("batch", "v1", "jobs", "Job")
CRON_JOB = Kind("batch", "v1", "cronjobs", "CronJob")
CONFIG_MAP = Kind("", "v1", "configmaps", "ConfigMap")
SERVICE_ACCOUNT = Kind("", "v1", "serviceaccounts", "ServiceAccount")
SERVICE = Kind("", "v1", "services", "Service")
SECRET = Kind("", "v1", "secrets", "Secret")
POD = Kind("", "v1", "pods", "Pod")
NAMESPACE = Kind("", "v1", "namespaces", "Namespace")
LEASE = Kind("coordination.k8s.io", "v1", "leases", "Lease")
EVENT = Kind("events.k8s.io", "v1", "events", "Event")
DEPLOYMENT = Kind("apps", "v1", "deployments", "Deployment")
POD_DISRUPTION_BUDGET = Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
NETWORK_POLICY = Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
POD_MONITOR = Kind("monitoring.coreos.com", "v1", "podmonitors", "PodMonitor")
SCALED_OBJECT = Kind("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject")
TRIGGER_AUTHENTICATION = Kind("keda.sh", "v1alpha1", "triggerauthentications", "TriggerAuthentication")

CHILDREN = (CONFIG_MAP, SERVICE_ACCOUNT, NETWORK_POLICY, SERVICE, POD_DISRUPTION_BUDGET, DEPLOYMENT)
"""In the order in which they are applied: what a pod needs is there before the pod."""
TASK_CHILDREN = (CONFIG_MAP, NETWORK_POLICY, JOB, CRON_JOB)
"""Of a task."""


def child_kinds(pod_monitors: bool, keda: bool) -> tuple[Kind, ...]:
    """The kinds of children, with those whose CRDs are there only where somebody installed them."""
    monitors = (POD_MONITOR,) if pod_monitors else ()
    return (*CHILDREN, *monitors, *((TRIGGER_AUTHENTICATION, SCALED_OBJECT) if keda else ()))
