"""Enrichment: what is found in a database, what is remembered, and what a file that changes or breaks does."""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import maxminddb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcp_worker.clean.plan import ID, RECORD, CleanedBatch, CleaningPlan
from dcp_worker.enrich import Enrichers, EnrichmentError
from dcp_worker.enrich.database import GeoDatabase
from dcp_worker.enrich.geoip import GeoLookup
from dcp_worker.enrich.remembered import RecordCache
from dcp_worker.enrich.tree import SearchTree, numbers_of
from dcp_worker.ground.errors import PlanError
from dcp_worker.ground.quads import quad_numbers
from support.batches import batch_of, cleaning_of, format_of
from support.mmdb import flat, nested, write_mmdb

IP = {"name": "ip", "type": "ip"}
COUNTRY = {"name": "country"}
ROOT = Path(__file__).parents[4]


def geoip(fields: dict[str, str], path: str = "geo.mmdb", **others: Any) -> dict[str, Any]:
    return {"geoip": {"from": "ip", "database": {"path": path}, "fields": fields, **others}}


EXAMPLE = Enrichers((ROOT / "examples").joinpath, ROOT).of(
    cleaning_of(IP, COUNTRY, enrich=[geoip({"country": "country_code"}, "country.mmdb", cache={"size": 50})])
)[0]


def plan_of(folder: Path, *fields: dict[str, Any], enrich: list[dict[str, Any]], **others: Any) -> CleaningPlan:
    cleaning = cleaning_of(*fields, enrich=enrich, **others)
    return CleaningPlan.compile(cleaning, format_of(), enrichers=Enrichers(folder.joinpath, folder).of(cleaning))


def rows(result: CleanedBatch) -> list[tuple[Any, ...]]:
    return result.rows.sort(RECORD).drop(ID, RECORD).rows()


@pytest.mark.parametrize(
    ("record", "path", "value"),
    [
        (flat("DE"), "country_code", "DE"),
        (flat("DE"), "asn", "64500"),
        (nested("DE"), "country.iso_code", "DE"),
        (nested("DE"), "subdivisions.0.iso_code", "BE"),
        (nested("DE"), "subdivisions.1.iso_code", None),
        (nested("DE"), "location.latitude", "52.5"),
        (nested("DE"), "country.is_in_european_union", "true"),
        (nested("DE"), "country", '{"iso_code": "DE", "is_in_european_union": true}'),
        (nested("DE"), "city.names.en", None),
        ({"country.iso_code": "FR"}, "country.iso_code", "FR"),
        ({"country_code": ""}, "country_code", None),
    ],
)
def test_any_layout_is_read_by_path(tmp_path: Path, record: dict[str, Any], path: str, value: str | None) -> None:
    write_mmdb(tmp_path / "geo.mmdb", {"192.0.2.0/24": record})
    plan = plan_of(tmp_path, IP, COUNTRY, enrich=[geoip({"country": path})])
    result = plan.clean(batch_of(b"192.0.2.1\n198.51.100.1\n\n192.0.2.1\n", "ip"))
    assert rows(result) == [("192.0.2.1", value), ("198.51.100.1", None), ("192.0.2.1", value)]


def test_what_is_found_goes_before_the_feeds_value_which_stays_otherwise(tmp_path: Path) -> None:
    write_mmdb(tmp_path / "geo.mmdb", {"192.0.2.0/24": flat("DE")})
    plan = plan_of(tmp_path, IP, COUNTRY, enrich=[geoip({"country": "country_code"})])
    result = plan.clean(batch_of(b"192.0.2.1,FR\n198.51.100.1,FR\n,\n,FR\n", "ip,country"))
    assert rows(result) == [("192.0.2.1", "DE"), ("198.51.100.1", "FR"), (None, "FR")]


def test_found_values_are_typed_checked_and_part_of_the_identity_like_any_other(tmp_path: Path) -> None:
    write_mmdb(tmp_path / "geo.mmdb", {"192.0.2.0/25": flat("DE"), "192.0.2.128/25": {"country_code": "DEU", "asn": 1}})
    country = {"name": "country", "transforms": ["lower"], "constraints": {"maxLength": 2, "required": True}}
    plan = plan_of(
        tmp_path,
        country,
        {"name": "asn", "type": "integer"},
        IP,
        enrich=[geoip({"country": "country_code", "asn": "asn"})],
        unique=["country"],
    )
    result = plan.clean(batch_of(b"192.0.2.1\n192.0.2.2\n192.0.2.200\n10.0.0.1\nx\n", "ip"))
    assert rows(result) == [("de", 64500, "192.0.2.1")]
    assert result.duplicates == 1
    assert [(each.record, each.code, each.field) for each in result.rejects] == [
        (3, "constraint-error", "country"),
        (4, "constraint-error", "country"),
        (5, "constraint-error", "country"),
    ]
    assert result.rejects[1].reason == "a value is required"


def test_of_several_steps_the_last_that_finds_something_counts(tmp_path: Path) -> None:
    write_mmdb(tmp_path / "one.mmdb", {"192.0.2.0/24": flat("DE")})
    write_mmdb(tmp_path / "two.mmdb", {"192.0.2.0/25": nested("FR")})
    steps = [geoip({"country": "country_code"}, "one.mmdb"), geoip({"country": "country.iso_code"}, "two.mmdb")]
    result = plan_of(tmp_path, IP, COUNTRY, enrich=steps).clean(batch_of(b"192.0.2.1\n192.0.2.200\n", "ip"))
    assert [row[1] for row in rows(result)] == ["FR", "DE"]


def test_ipv6_in_a_database_of_ipv4_finds_nothing(tmp_path: Path) -> None:
    write_mmdb(tmp_path / "geo.mmdb", {"192.0.2.0/24": flat("DE")}, ip_version=4)
    plan = plan_of(tmp_path, IP, COUNTRY, enrich=[geoip({"country": "country_code"})])
    assert rows(plan.clean(batch_of(b"2001:db8::1\n192.0.2.1\n", "ip"))) == [("2001:db8::1", None), ("192.0.2.1", "DE")]


def test_text_that_is_no_address_finds_nothing(tmp_path: Path) -> None:
    write_mmdb(tmp_path / "geo.mmdb", {"2001:db8::/32": flat("DE")})
    plan = plan_of(tmp_path, {"name": "ip"}, COUNTRY, enrich=[geoip({"country": "country_code"})])
    assert rows(plan.clean(batch_of(b"host.example\n2001:db8::1\n", "ip"))) == [
        ("host.example", None),
        ("2001:db8::1", "DE"),
    ]


def test_a_changed_file_is_read_again_and_a_broken_one_is_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_mmdb(tmp_path / "geo.mmdb", {"192.0.2.0/24": flat("DE")})
    plan = plan_of(tmp_path, IP, COUNTRY, enrich=[geoip({"country": "country_code"})])

    def found() -> Any:
        return rows(plan.clean(batch_of(b"192.0.2.1\n", "ip")))[0][1]

    assert found() == "DE"
    write_mmdb(path, {"192.0.2.0/24": flat("FR")})
    assert found() == "FR"
    broken = tmp_path / "broken"
    broken.write_bytes(b"not an MMDB file")
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        os.replace(broken, path)
        assert (found(), found()) == ("FR", "FR")
        path.unlink()
        assert (found(), found()) == ("FR", "FR")
    assert [record.getMessage() for record in caplog.records] == [
        "geolocation database cannot be read; the one before stays in use"
    ] * 2
    write_mmdb(path, {"192.0.2.0/24": flat("JP")})
    assert found() == "JP"


@pytest.mark.parametrize("content", [None, b"", b"not an MMDB file", b"\0" * 5000])
def test_an_unreadable_database_is_named_with_its_setting(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "geo.mmdb").write_bytes(content)
    with pytest.raises(EnrichmentError) as caught:
        plan_of(tmp_path, IP, COUNTRY, enrich=[geoip({"country": "country_code"})])
    assert str(caught.value).startswith(
        f"spec.cleaning.enrich[0].geoip.database.path: {tmp_path / 'geo.mmdb'} cannot be read as an MMDB file: "
    )


def test_a_claim_is_a_file_below_the_volumes_folder(tmp_path: Path) -> None:
    (tmp_path / "geo").mkdir()
    write_mmdb(tmp_path / "geo/x.mmdb", {"192.0.2.0/24": flat("DE")})
    claim = {"database": {"persistentVolumeClaim": {"claimName": "geo", "path": "/x.mmdb"}}}
    cleaning = cleaning_of(IP, COUNTRY, enrich=[geoip({"country": "country_code"}, **claim)])
    steps = Enrichers(Path, tmp_path, volumes_folder=tmp_path).of(cleaning)
    assert steps[0].enrich(pl.Series(["192.0.2.1"]))["country"].to_list() == ["DE"]


def test_plans_of_a_process_share_databases_and_what_is_remembered(tmp_path: Path) -> None:
    write_mmdb(tmp_path / "geo.mmdb", {"192.0.2.0/24": flat("DE")})
    enrichers = Enrichers(tmp_path.joinpath, tmp_path)
    one = enrichers.of(cleaning_of(IP, COUNTRY, enrich=[geoip({"country": "country_code"})]))
    two = enrichers.of(cleaning_of(IP, {"name": "land"}, enrich=[geoip({"land": "country_code"})]))
    assert one[0].lookup is two[0].lookup


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        (({"name": "ip", "type": "integer"}, COUNTRY), "spec.cleaning.enrich[0].geoip.from"),
        ((COUNTRY,), "spec.cleaning.enrich[0].geoip.from"),
        ((IP,), "spec.cleaning.enrich[0].geoip.fields"),
    ],
)
def test_a_step_over_wrong_fields_is_refused(tmp_path: Path, fields: tuple[dict[str, Any], ...], path: str) -> None:
    write_mmdb(tmp_path / "geo.mmdb", {"192.0.2.0/24": flat("DE")})
    with pytest.raises(PlanError) as caught:
        plan_of(tmp_path, *fields, enrich=[geoip({"country": "country_code"})])
    assert caught.value.path == path


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def known(cache: RecordCache, *places: int | None) -> dict[int | None, str]:
    values, is_known = cache.match(pl.Series(places, dtype=pl.UInt32))
    assert values.filter(~is_known).null_count().row(0) == (values.height - is_known.sum(),)
    return {place: value for place, (value,), hit in zip(places, values.rows(), is_known, strict=True) if hit}


def learned(cache: RecordCache, *records: tuple[int, str | None]) -> RecordCache:
    found = pl.DataFrame({"v": pl.Series([value for _, value in records], dtype=pl.String)})
    cache.learn(pl.Series([place for place, _ in records], dtype=pl.UInt32), found)
    return cache


def test_what_is_known_of_a_place_is_known_again() -> None:
    cache = learned(RecordCache(["v"], 10, 60), (77, "A"), (5, None), (2**32 - 1, "B"))
    assert known(cache, 5, 6, 77, 0, None, 2**32 - 1, 77, 78) == {5: None, 77: "A", 2**32 - 1: "B"}


def test_records_are_forgotten_when_too_old_or_not_used() -> None:
    clock = Clock()
    cache = RecordCache(["v"], 2, 60, clock)
    for second, place in enumerate([10, 11]):
        clock.now = float(second)
        learned(cache, (place, str(place)))
    clock.now = 2.0
    assert known(cache, 10) == {10: "10"}
    learned(cache, (12, "12"))
    assert known(cache, 10, 11, 12) == {10: "10", 12: "12"}
    assert len(cache) == 2
    clock.now = 60.0
    assert known(cache, 10, 12) == {12: "12"}


def test_a_cache_of_no_size_remembers_nothing() -> None:
    assert known(learned(RecordCache(["v"], 0, 60), (10, "10")), 10) == {}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.none() | st.ip_addresses(v=4).map(str) | st.sampled_from(["", "1.2.3", "1.2.3.04", "+1.2.3.4", "::"]))
)
def test_quads_are_numbered_as_the_standard_library_numbers_them(addresses: list[str | None]) -> None:
    got = quad_numbers(pl.Series("a", addresses, dtype=pl.String)).to_list()
    assert got == [None if each is None else number_or_none(each) for each in addresses]


def number_or_none(text: str) -> int | None:
    try:
        return int(IPv4Address(text))
    except ValueError:
        return None


NETWORKS = (
    *("0.0.0.0/8", "9.0.0.0/16", "9.1.0.0/17", "9.1.128.0/24", "9.1.129.128/25", "9.1.130.7/32", "255.255.255.255/32"),
    *("2001:db8::/32", "2001:db9:0:8000::/49", "2001:db9:1::/64", "2001:db9:2::/127", "8000::/1"),
)


def edges(network: str) -> list[str]:
    """The addresses at a network's ends, and those beyond them."""
    inside = ip_network(network)
    first, last = int(inside[0]), int(inside[-1])
    numbers = {first, last, max(first - 1, 0), min(last + 1, 2**inside.max_prefixlen - 1), (first + last) // 2}
    return [str(type(inside[0])(number)) for number in sorted(numbers)]


@pytest.mark.parametrize("ip_version", [4, 6])
@pytest.mark.parametrize("bits", [24, 28, 32])
def test_the_tree_says_of_every_address_what_the_library_says(tmp_path: Path, bits: int, ip_version: int) -> None:
    networks = [each for each in NETWORKS if ip_version == 6 or ":" not in each]
    content = {each: {"v": each} for each in networks} | ({"9.1.131.0/24": {"v": "9.0.0.0/16"}})
    path = write_mmdb(tmp_path / "geo.mmdb", content, ip_version, bits)
    lookup = GeoLookup(GeoDatabase(path, "x").edition, ("v",), 3, 60)
    addresses = [each for network in networks for each in edges(network)] + ["::9.1.130.7", "::ffff:901:8207"]
    addresses += ["9.1.131.9", "host", "", "1.2.3.04", "fe80::1%eth0", "::g"]
    with maxminddb.open_database(path) as reader:
        assert reader.metadata().record_size == bits
        want = [said(reader, each, ip_version) for each in addresses]
    for _ in range(2):
        assert lookup.find(pl.Series(addresses))["0"].to_list() == want
    assert len(set(want)) == len(networks) + 1


def test_numbers_of_28_bits_have_their_highest_four_between_them() -> None:
    assert numbers_of(bytes.fromhex("000001 23 000004 fffffe f0 000000"), 28).to_list() == [
        0x2000001, 0x3000004, 0xFFFFFFE, 0x0000000,
    ]  # fmt: skip


def said(reader: maxminddb.Reader, address: str, ip_version: int) -> Any:
    try:
        known = ip_address(address)
    except ValueError:
        return None
    if "%" in address or known.version > ip_version:
        return None
    record = reader.get(address)
    return record["v"] if isinstance(record, dict) else None


def test_a_file_without_its_whole_tree_is_refused(tmp_path: Path) -> None:
    path = write_mmdb(tmp_path / "geo.mmdb", {"192.0.2.0/24": flat("DE")})
    with maxminddb.open_database(path) as reader:
        metadata = reader.metadata()
    path.write_bytes(path.read_bytes()[: metadata.node_count * 6 - 1])
    with pytest.raises(maxminddb.InvalidDatabaseError, match="search tree"):
        SearchTree.read(path, metadata)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.ip_addresses(v=4) | st.ip_addresses(v=6), max_size=30))
def test_every_batch_finds_what_the_database_says_whatever_is_remembered(addresses: list[Any]) -> None:
    lookup = EXAMPLE.lookup
    with maxminddb.open_database(ROOT / "examples/country.mmdb") as reader:
        want = [(str(each), (reader.get(each) or {}).get("country_code")) for each in addresses]  # type: ignore[union-attr]
    found = lookup.find(pl.Series([str(each) for each in addresses], dtype=pl.String))
    assert [(str(each), value) for each, (value,) in zip(addresses, found.rows(), strict=True)] == want


def test_threads_may_share_a_plan() -> None:
    cleaning = cleaning_of(IP, COUNTRY, enrich=[geoip({"country": "country_code"}, "country.mmdb", cache={"size": 50})])
    steps = Enrichers((ROOT / "examples").joinpath, ROOT).of(cleaning)
    plan = CleaningPlan.compile(cleaning, format_of(), enrichers=steps)
    batches = [
        batch_of(b"".join(b"%d.%d.0.1\n2001:db8:%x::1\nx\n" % (n, k, n * k) for n in range(200)), "ip")
        for k in range(8)
    ]
    alone = [plan.clean(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(plan.clean, batches * 3))
    for number, result in enumerate(together):
        assert result.rows.equals(alone[number % 8].rows)
        assert result.rejects == alone[number % 8].rejects
