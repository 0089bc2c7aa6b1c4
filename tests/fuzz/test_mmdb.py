"""A geolocation database from outside: found, not found, or a named error; never a crash."""

from __future__ import annotations

from pathlib import Path

import maxminddb
import polars as pl
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from dcp_worker.enrich.database import GeoDatabase
from dcp_worker.enrich.errors import EnrichmentError
from dcp_worker.enrich.geoip import GeoLookup
from dcp_worker.trouble import UNREADY
from fuzz.mutations import damaged
from support.mmdb import flat, nested, write_mmdb

ADDRESSES = ["192.0.2.1", "198.51.100.7", "10.0.0.1", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::", "no address"]
PATHS = ("country_code", "country.iso_code", "subdivisions.0.iso_code", "asn", "", ".")


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("mmdb")
    networks = {"192.0.2.0/24": "AA", "198.51.100.0/24": "BB", "2001:db8::/32": "CC"}
    made = [
        write_mmdb(folder / f"{layout.__name__}.mmdb", {net: layout(cc) for net, cc in networks.items()}).read_bytes()
        for layout in (flat, nested)
    ]
    four = {net: flat(cc) for net, cc in networks.items() if ":" not in net}
    return [*made, write_mmdb(folder / "four.mmdb", four, ip_version=4).read_bytes(), b"", b"no database"]


@given(st.data())
def test_a_damaged_database_is_refused_or_answers(corpus: list[bytes], tmp_path: Path, data: st.DataObject) -> None:
    raw = data.draw(damaged(corpus, most=3))
    path = tmp_path / "country.mmdb"
    path.unlink(missing_ok=True)  # a file that is mapped is replaced, not written into
    path.write_bytes(raw)
    try:
        database = GeoDatabase(path, "spec.cleaning.enrich[0].geoip.database")
    except EnrichmentError as error:
        event("refused")
        assert "spec.cleaning.enrich[0]" in str(error)
        return
    lookup = GeoLookup(database.edition, PATHS, cache_size=4, cache_ttl_seconds=60)
    try:
        found = lookup.find(pl.Series(ADDRESSES))
    except UNREADY as error:
        event(f"refused at {type(error).__name__}")
        return
    event("answered")
    assert found.height == len(ADDRESSES)


@pytest.mark.parametrize("nodes", [1 << 28, 300_000_000])
def test_a_database_of_gigabytes_is_refused_before_it_is_read(corpus: list[bytes], tmp_path: Path, nodes: int) -> None:
    """Sparse: it lies on no disk, and would take memory all the same."""
    path = tmp_path / "country.mmdb"
    at = corpus[0].rindex(b"node_count") + len(b"node_count")
    number = bytes([0b11000100]) + nodes.to_bytes(4, "big")
    size = corpus[0][at] & 0b11111
    with path.open("wb") as file:
        file.seek(nodes * 8 + (1 << 20))
        begin = corpus[0].rindex(b"\xab\xcd\xefMaxMind.com")
        file.write(corpus[0][begin:at] + number + corpus[0][at + 1 + size :])
    with pytest.raises(EnrichmentError, match="at most 1,073,741,824 are read"):
        GeoDatabase(path, "setting")


def test_a_good_database_answers(corpus: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / "country.mmdb"
    path.write_bytes(corpus[0])
    lookup = GeoLookup(GeoDatabase(path, "x").edition, PATHS, 4, 60)
    found = lookup.find(pl.Series(ADDRESSES))
    with maxminddb.open_database(path) as plain:
        wanted = {each: plain.get(each) for each in ADDRESSES if each != "no address"}
    assert found["0"].to_list() == [(wanted.get(each) or {}).get("country_code") for each in ADDRESSES]
