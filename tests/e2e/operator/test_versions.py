"""Both versions of the API are served with the same words, and what lies stored in the earlier one is stored anew."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from dcp_cli.plugin.kubectl import Kubectl
from dcp_cli.plugin.storing import store_anew
from dcp_pipeline.spec.kubernetes.crd import GROUP, PLURAL, custom_resource_definition
from e2e.operator.kube import Kube
from e2e.support.forward import kubectl
from support.pipelines import resource
from support.waiting import wait_until

EARLIER, PRESENT = "v1alpha1", "v1beta1"


@dataclass(frozen=True)
class Group:
    """A CRD of the pipelines' words under a name of the test's, so that no other test's pipelines are touched."""

    kube: Kube
    name: str

    @property
    def crd(self) -> str:
        return f"{PLURAL}.{self.name}"

    def define(self, *served: str, stored: str) -> dict[str, Any]:
        """Have these versions, of which one is the storage's."""
        definition = copy.deepcopy(custom_resource_definition())
        definition["metadata"]["name"] = self.crd
        definition["spec"]["group"] = self.name
        definition["spec"]["names"] |= {"shortNames": [], "categories": []}
        versions = {
            each["name"]: {**each, "storage": each["name"] == stored} for each in definition["spec"]["versions"]
        }
        definition["spec"]["versions"] = [versions[each] for each in served]
        return self.kube.apply(definition)

    def stored(self) -> list[str]:
        found = self.kube.get("CustomResourceDefinition", self.crd) or {}
        versions: list[str] = (found.get("status") or {}).get("storedVersions") or []
        return versions

    def established(self) -> bool:
        found = self.kube.get("CustomResourceDefinition", self.crd) or {}
        conditions = (found.get("status") or {}).get("conditions") or ()
        return ("Established", "True") in [(each["type"], each["status"]) for each in conditions]


@pytest.fixture
def group(cluster: Kube) -> Iterator[Group]:
    made = Group(cluster, f"e2e-{uuid.uuid4().hex[:8]}.{GROUP}")
    yield made
    cluster.delete("CustomResourceDefinition", made.crd)


def test_what_was_stored_in_the_earlier_version_is_stored_anew_and_the_version_can_go(
    cluster: Kube, group: Group, kubeconfig: Path
) -> None:
    group.define(EARLIER, PRESENT, stored=EARLIER)
    wait_until(group.established, "the CRD", 60)
    objects = client.CustomObjectsApi(cluster.api)
    made = resource({}, name="stored")
    sources = []
    for n in range(3):
        document = {**made, "apiVersion": f"{group.name}/{EARLIER}", "metadata": {"name": f"stored-{n}"}}
        created = objects.create_namespaced_custom_object(group.name, EARLIER, "default", PLURAL, document)
        sources.append(created["spec"]["sources"])
    group.define(EARLIER, PRESENT, stored=PRESENT)
    wait_until(lambda: group.stored() == [EARLIER, PRESENT], "both to be told", 60)
    asked = kubectl(kubeconfig)
    plugin = Kubectl(tuple(asked[1:]), asked[0])

    assert store_anew(plugin, group.crd) == 0

    assert group.stored() == [PRESENT]
    group.define(PRESENT, stored=PRESENT)
    found = objects.list_namespaced_custom_object(group.name, PRESENT, "default", PLURAL)["items"]
    assert [each["metadata"]["name"] for each in found] == ["stored-0", "stored-1", "stored-2"]
    assert [each["spec"]["sources"] for each in found] == sources
    assert store_anew(plugin, group.crd) == 0, "nothing is left to do"


def test_the_earlier_version_has_the_same_words_and_scale_holds_workers(cluster: Kube, group: Group) -> None:
    group.define(PRESENT, EARLIER, stored=PRESENT)
    wait_until(group.established, "the CRD", 60)
    objects = client.CustomObjectsApi(cluster.api)
    made = {**resource({"scaling": {"maxReplicas": 4}}), "metadata": {"name": "earlier"}}
    where = (group.name, EARLIER, "default", PLURAL)
    objects.create_namespaced_custom_object(*where, {**made, "apiVersion": f"{group.name}/{EARLIER}"})
    scaled = (group.name, PRESENT, "default", PLURAL, "earlier")
    objects.patch_namespaced_custom_object_scale(*scaled, {"spec": {"replicas": 3}})
    found = objects.get_namespaced_custom_object(*scaled)
    assert found["apiVersion"] == f"{group.name}/{PRESENT}"
    assert (found["spec"]["scaling"]["minReplicas"], found["spec"]["scaling"]["maxReplicas"]) == (3, 4)
    with pytest.raises(client.ApiException, match="minReplicas is above maxReplicas"):
        objects.patch_namespaced_custom_object_scale(*scaled, {"spec": {"replicas": 5}})
