"""Transforms of addresses, URLs, hosts and numbers give what an independent reading gives.

The values are drawn by hypothesis; one batch holds many of them, so that columns are what is tested.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from email.utils import parseaddr
from importlib import resources
from typing import Any, get_args
from urllib.parse import urlsplit

import phonenumbers
from hypothesis import given
from hypothesis import strategies as st

from dcp_pipeline.spec.transforms import WORDS
from dcp_pipeline.spec.transforms.internet import DomainPart, UrlPart
from support.transforms import TEXT, agree, columns, done, quick

MAPPED = st.ip_addresses(v=4).map(lambda a: f"::ffff:{a}")
UNSURE = [ipaddress.ip_network(each) for each in ("192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/4", "2001::/23", "2002::/16",
                                                  "3fff::/20", "5f00::/16", "64:ff9b:1::/48", "fec0::/10", "ff00::/8")]  # fmt: skip
"""Where releases of Python differ, and multicast, which it calls global."""
ADDRESSES = st.ip_addresses().map(str) | st.ip_addresses(v=6).map(lambda a: a.exploded.upper()) | MAPPED | st.just("x")


@quick
@given(columns(ADDRESSES))
def test_addresses_as_ipaddress_reads_them(values: list[str | None]) -> None:
    def read(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return None
        return getattr(address, "ipv4_mapped", None) or address

    def public(value: str) -> str | None:
        return None if (address := read(value)) is None else str(address.is_global).lower()

    networks = ["10.0.0.0/8", "192.0.0.0/16", "2001::/16", "fc00::/7", "224.0.0.1"]

    def listed(value: str) -> str | None:
        if (address := read(value)) is None:
            return None
        return str(any(address in ipaddress.ip_network(each) for each in networks)).lower()

    agree("ip", values, lambda v: None if (address := read(v)) is None else str(address))
    agree({"cidr": {"networks": networks}}, values, listed)
    sure = [each for each in values if each is None or not any((read(each) or 0) in n for n in UNSURE if read(each))]
    agree("isPublicIp", sure, public)


HOST = st.sampled_from(["example.com", "WWW.Example.co.uk", "[2001:db8::1]", "192.0.2.1", "a-b.de"])
URLS = st.builds(
    lambda scheme, user, host, port, path, query, fragment: f"{scheme}{user}{host}{port}{path}{query}{fragment}",
    st.sampled_from(["http://", "HTTPS://", "ftp://", "//", "x-y+z.1://"]),
    st.sampled_from(["", "ada@", "ada:pw@", ":pw@"]),
    HOST,
    st.sampled_from(["", ":80", ":65535", ":"]),
    st.sampled_from(["", "/", "/a/b.html", "/a@b:c"]),
    st.sampled_from(["", "?", "?a=b&c=%20", "?a?b/c@d"]),
    st.sampled_from(["", "#", "#top", "#a?b#c"]),
)


@quick
@given(columns(URLS))
def test_urls_as_urllib_reads_them(values: list[str | None]) -> None:
    def of(read: Callable[[Any], Any]) -> Callable[[str], str | None]:
        return lambda value: None if read(urlsplit(value)) in (None, "") else str(read(urlsplit(value)))

    agree({"url": "scheme"}, values, of(lambda url: url.scheme))
    agree({"url": "host"}, values, of(lambda url: url.hostname))
    agree({"url": "port"}, values, of(lambda url: url.port))
    agree({"url": "path"}, values, of(lambda url: url.path))
    agree({"url": "query"}, values, of(lambda url: url.query))
    agree({"url": "fragment"}, values, of(lambda url: url.fragment))
    agree({"url": "user"}, values, of(lambda url: url.netloc.rpartition("@")[0]))


@quick
@given(columns(st.emails()))
def test_email_addresses_are_those_that_email_utils_reads(values: list[str | None]) -> None:
    for value, found in zip(values, done("email", values), strict=True):
        if value is not None and found is not None:
            local, _, host = parseaddr(value)[1].rpartition("@")
            assert found == f"{local}@{host.lower()}"
        elif value is not None:
            # What is refused is longer than mail may be, or ends in no name.
            local, _, host = value.rpartition("@")
            assert len(local) > 64 or len(host) > 189 or not re.search(r"\.[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]$", host)


def suffix_by_the_list(host: str, rules: set[str]) -> str:
    """publicsuffix.org's algorithm, word by word: the longest matching rule counts, an exception before all."""
    labels = host.split(".")
    tails = [".".join(labels[start:]) for start in range(len(labels))]
    for tail in tails:
        parent = tail.partition(".")[2]
        if f"!{tail}" in rules:
            return parent
        if tail in rules or (parent and f"*.{parent}" in rules):
            return tail
    return labels[-1]


LIST = [
    line.split()[0]
    for line in resources.files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text("utf-8").splitlines()
    if line.strip() and not line.startswith("//")
]
RULES = set(LIST)
HOSTS = st.builds(
    lambda front, rule: ".".join([*front, *rule.lstrip("!").replace("*", "any").split(".")]),
    st.lists(st.sampled_from(["www", "a", "b-c", "x1"]), max_size=3),
    st.sampled_from([each for each in LIST if each.isascii()]) | st.just("nosuchtld"),
)


@quick
@given(columns(HOSTS))
def test_domains_are_cut_where_the_public_suffix_list_says(values: list[str | None]) -> None:
    def cut(host: str, part: str) -> str | None:
        suffix = suffix_by_the_list(host, RULES)
        front = host[: -len(suffix) - 1].split(".") if host != suffix else []
        found = {"suffix": [suffix], "registered": [*front[-1:], suffix] if front else [], "subdomain": front[:-1]}
        return ".".join(found[part]) or None

    for part in ("suffix", "registered", "subdomain"):
        agree({"domain": part}, values, lambda host, part=part: cut(host, part))


@quick
@given(st.lists(st.sampled_from(["DE", "US", "FR", "GB", "IN", "BR", "KE"]), min_size=1, max_size=10))
def test_numbers_as_people_of_a_country_write_them_come_back_from_their_one_spelling(countries: list[str]) -> None:
    for country in countries:
        number = phonenumbers.example_number(country)
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        (spelled,) = done({"phone": {"country": country}}, [f" {written} "])
        assert spelled == f"+{number.country_code}{number.national_number}"
        assert done({"phone": {"country": country, "format": "national"}}, [spelled]) == [written]


ALL: tuple[Any, ...] = (
    *WORDS,
    {"replace": {"pattern": ".", "with": "$0"}},
    {"extract": {"pattern": "(.)", "otherwise": "keep"}},
    {"split": {"by": ".", "take": -1}},
    {"map": {"values": {"a": "b"}}},
    {"default": "x"},
    {"json": {"path": "$[0].a"}},
    *({"url": part} for part in get_args(UrlPart)),
    *({"domain": part} for part in get_args(DomainPart)),
    {"cidr": {"networks": ["::/0", "0.0.0.0/0"]}},
    {"phone": {"country": "DE"}},
    {"hash": {"algorithm": "blake3"}},
    {"mask": {"keepFirst": 2}},
    {"truncate": {"bytes": 3}},
)
ODD = TEXT | st.text(st.sampled_from("[]:/.@%#?+-0189af{}<>!\"'\u0661\u202e ß"), max_size=20)


@quick
@given(columns(ODD))
def test_no_text_makes_a_transform_fail_otherwise_than_it_says(values: list[str | None]) -> None:
    for transform in ALL:
        found = done(transform, values)
        assert len(found) == len(values)
        if "default" not in transform:
            assert all(after is None for before, after in zip(values, found, strict=True) if before is None)
        assert all("\0" not in each for each in found if each is not None)
