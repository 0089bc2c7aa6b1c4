"""What the cluster's scripts decide before they start anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from e2e.cluster import binaries, engine, firewall, images, kind, node, nodes, packages, settings, versions
from e2e.cluster.progress import ClusterError, Steps

ALL_CAPABILITIES = "CapInh:\t0000000000000000\nCapBnd:\t000001ffffffffff\n"
WITHOUT_SYS_RESOURCE = "CapInh:\t0000000000000000\nCapBnd:\t000001fffeffffff\n"


def test_runc_is_wrapped_only_where_the_machine_lacks_the_capability() -> None:
    assert engine.lacks_sys_resource(WITHOUT_SYS_RESOURCE)
    assert not engine.lacks_sys_resource(ALL_CAPABILITIES)


def test_the_cache_lies_outside_the_work_tree_where_the_environment_says() -> None:
    assert settings.read({"E2E_CACHE": "/c"}).cache == Path("/c")
    assert settings.read({"XDG_CACHE_HOME": "/x"}).cache == Path("/x/dcp-e2e")


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"E2E_CLUSTER": "minikube"}, "E2E_CLUSTER is 'minikube'"),
        ({"E2E_ENGINE": "podman"}, "E2E_ENGINE is 'podman'"),
        ({"E2E_CACHE": "/" + "long/" * 30}, "too long for a Unix socket"),
    ],
)
def test_a_setting_without_meaning_is_named(environment: dict[str, str], named: str) -> None:
    with pytest.raises(ClusterError, match=named):
        settings.read(environment)


def test_a_mirror_from_the_environment_is_the_only_source() -> None:
    assert packages.sources("bookworm", "http://mirror/debian") == ["deb http://mirror/debian bookworm main"]


def test_pip_s_settings_reach_a_build_except_folders_that_it_cannot_see(tmp_path: Path) -> None:
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://index/simple\ncache-dir = /var/cache\n")
    environment = {"PIP_CERT": "/ca.pem", "PIP_FIND_LINKS": "/wheels", "PIP_TIMEOUT": "9"}
    found = images.pip_settings(environment, [config])
    assert found == {"index-url": "https://index/simple", "cert": "/ca.pem", "timeout": "9"}


def test_a_node_of_ours_brings_its_own_network_and_a_stock_one_kind_s() -> None:
    def default_network_is_off(own_image: bool) -> object:
        networking = kind.configuration(own_image)["networking"]
        assert isinstance(networking, dict)
        return networking["disableDefaultCNI"]

    assert default_network_is_off(True) is True
    assert default_network_is_off(False) is False


def test_nodes_of_our_own_image_have_addresses_for_pods_of_their_own(tmp_path: Path) -> None:
    here = settings.Settings(tmp_path, existing=False, node_image=None, own_engine=False, debian_mirror=None)
    made = kind.Kind(here, engine.Engine("docker", None), "three", workers=2)
    assert made.kubeconfig != here.kubeconfig
    assert made.nodes == ["three-control-plane", "three-worker", "three-worker2"]
    configured = made._configuration(own_image=True)["nodes"]
    assert [each["role"] for each in configured] == ["control-plane", "worker", "worker"]
    subnets = set()
    for each in configured:
        mount = next(one for one in each["extraMounts"] if one["containerPath"] == nodes.PLACE)
        subnets.add(json.loads(Path(mount["hostPath"]).read_text())["plugins"][0]["ipam"]["ranges"][0][0]["subnet"])
    assert len(subnets) == 3
    assert not any("extraMounts" in each for each in made._configuration(own_image=False)["nodes"][1:])
    assert len(kind.Kind(here, made.engine)._configuration(own_image=True)["nodes"]) == 1


def test_what_is_built_is_built_again_only_when_its_sources_change(tmp_path: Path) -> None:
    before = binaries.KUBERNETES.folder(tmp_path)
    assert before == binaries.KUBERNETES.folder(tmp_path)
    assert before != binaries.KUBECTL.folder(tmp_path)
    assert binaries.runc_wrapper("/a/runc").folder(tmp_path) != binaries.runc_wrapper("/b/runc").folder(tmp_path)


def test_every_binary_of_the_node_comes_from_a_build() -> None:
    for name, build in node.COMPONENT_BINARIES.items():
        assert name in build.binaries


def test_versions_compare_by_major_and_minor() -> None:
    assert versions.minor("v1.34.4") == (1, 34)


def test_a_step_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    steps = Steps(1, tmp_path)
    with pytest.raises(ClusterError, match="no space left"), steps.step("build", "building"):
        steps.run(["sh", "-c", "echo no space left; exit 3"])
    assert (tmp_path / "build.log").read_text().endswith("no space left\n")


def test_only_docker_s_rules_are_taken_out_of_the_packet_filter_and_jumps_before_chains() -> None:
    rules = [
        "-P FORWARD DROP",
        "-N DOCKER",
        "-N MINE",
        "-A FORWARD -j DOCKER",
        "-A FORWARD -j MINE",
        "-A DOCKER -j RETURN",
    ]
    assert firewall.removals(rules) == [["-D", "FORWARD", "-j", "DOCKER"], ["-F", "DOCKER"], ["-X", "DOCKER"]]
