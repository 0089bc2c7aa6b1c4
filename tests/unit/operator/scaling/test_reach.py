"""Where the operator goes, and where never."""

from __future__ import annotations

import pytest

from dcp_operator.scaling.reach import Reach, domain_of


@pytest.mark.parametrize(
    ("address", "never"),
    [
        ("10.96.12.7", False),
        ("2001:db8::7", False),
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("64:ff9b::a9fe:a9fe", True),
        ("0.0.0.0", True),
        ("169.254.169.254", True),
        ("fe80::1%eth0", True),
        ("fd00:ec2::254", True),
        ("100.100.100.200", True),
        ("10.96.0.1", True),
        ("::ffff:10.96.0.1", True),
        ("no address", True),
    ],
)
def test_some_addresses_are_never_gone_to(address: str, never: bool) -> None:
    assert Reach(("*", "redis.shared.svc"), api_server="10.96.0.1").never(address) == never


@pytest.mark.parametrize(
    ("listed", "address"), [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("10.0.0.1", "10.0.0.1")]
)
def test_an_address_that_is_listed_itself_is_gone_to(listed: str, address: str) -> None:
    assert not Reach((listed,), api_server="10.0.0.1").never(address)


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("nameserver 10.96.0.10\nsearch dcp.svc.corp.internal svc.corp.internal corp.internal\n", "corp.internal"),
        ("search dcp.svc.Cluster.Local. svc.Cluster.Local. x\noptions ndots:5", "cluster.local"),
        ("search office.example", "cluster.local"),
        ("", "cluster.local"),
    ],
)
def test_the_clusters_domain_is_what_a_pod_is_told(text: str, domain: str) -> None:
    assert domain_of(text) == domain
