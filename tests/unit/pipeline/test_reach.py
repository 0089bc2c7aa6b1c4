"""Where a source may be led to: by name, and by the address that a name leads to."""

from __future__ import annotations

import pytest

from dcp_pipeline.reach import address_of, allowed, reach_of

PUBLIC = "https://feeds.example.org/a/"
INSIDE = "http://10.0.0.5:8080/a/"


@pytest.mark.parametrize(
    ("source", "allow", "url", "refused"),
    [
        (PUBLIC, [], "https://feeds.example.org/b/x.csv", False),
        (PUBLIC, [], "https://FEEDS.example.org./b", False),
        (PUBLIC, [], "http://feeds.example.org:8080/b", False),
        (PUBLIC, [], "https://other.example.org/b", True),
        (PUBLIC, ["other.example.org"], "https://other.example.org/b", False),
        (PUBLIC, ["*.example.org"], "https://a.b.example.org/b", False),
        (PUBLIC, ["*.example.org"], "https://example.org/b", True),
        (PUBLIC, ["*.example.org"], "https://badexample.org/b", True),
        (PUBLIC, ["cdn.test:8443"], "https://cdn.test:8443/", False),
        (PUBLIC, ["cdn.test:8443"], "https://cdn.test/", True),
        (PUBLIC, ["*"], "https://anything.test/", False),
        (PUBLIC, ["*"], "http://169.254.169.254/latest/meta-data/", True),
        (PUBLIC, ["*"], "http://127.0.0.1/", True),
        (PUBLIC, ["*"], "http://[::ffff:127.0.0.1]/", True),
        (PUBLIC, ["*"], "http://[64:ff9b::7f00:1]/", True),
        (PUBLIC, ["*"], "http://[fe80::1%25eth0]/", True),
        (PUBLIC, ["*"], "http://[::1]/", True),
        (PUBLIC, ["*"], "http://224.0.0.1/", True),
        (PUBLIC, ["*"], "http://100.64.0.1/", True),
        (PUBLIC, ["*"], "http://8.8.8.8/", False),
        (PUBLIC, [], "http://8.8.8.8/", True),
        (PUBLIC, ["10.0.0.0/8"], "http://10.1.2.3/", False),
        (PUBLIC, ["10.0.0.0/8:80"], "http://10.1.2.3:6379/", True),
        (PUBLIC, ["[fd00::/8]"], "http://[fd12::1]/", False),
        (INSIDE, [], "http://10.0.0.5:8080/b", False),
        (INSIDE, [], "http://10.0.0.5:6379/", True),
        (INSIDE, [], "http://10.0.0.6:8080/", True),
        ("http://10.0.0.5/", [], "https://10.0.0.5/", False),
        ("https://10.0.0.5/", [], "http://10.0.0.5/", True),
    ],
)
def test_a_source_is_led_to_its_own_host_and_where_it_is_allowed(
    source: str, allow: list[str], url: str, refused: bool
) -> None:
    assert (reach_of(source, allow).refuses(url) is not None) is refused


@pytest.mark.parametrize(
    ("source", "allow", "host", "address", "refused"),
    [
        (PUBLIC, [], "feeds.example.org", "10.0.0.7", False),
        (PUBLIC, ["cdn.test"], "cdn.test", "93.184.215.14", False),
        (PUBLIC, ["cdn.test"], "cdn.test", "10.0.0.7", True),
        (PUBLIC, ["cdn.test"], "cdn.test", "169.254.169.254", True),
        (PUBLIC, ["cdn.test"], "cdn.test", "::ffff:10.0.0.7", True),
        (PUBLIC, ["cdn.test", "10.0.0.0/24"], "cdn.test", "10.0.0.7", False),
        (PUBLIC, ["cdn.test"], "cdn.test", "no-address", True),
    ],
)
def test_a_name_may_not_lead_inside(source: str, allow: list[str], host: str, address: str, refused: bool) -> None:
    assert (reach_of(source, allow).refuses_address(host, 443, address) is not None) is refused


@pytest.mark.parametrize(
    "text", ["", "a b", "10.0.0.0/99", "http://x", "*x.test", "a.*.test", "x:0", "x:99999", "[::1", "x:²"]
)
def test_what_is_no_entry_of_allow_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        allowed(text)


def test_an_address_inside_an_address_is_the_inner_one() -> None:
    assert str(address_of("2002:7f00:1::")) == "127.0.0.1"
    assert address_of("localhost") is None
