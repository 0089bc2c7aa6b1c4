"""Small MMDB databases for tests, in the layouts that vendors use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import maxminddb
from mmdb_writer import MMDBWriter
from netaddr import IPSet


def write_mmdb(path: Path, records: Mapping[str, Any], ip_version: int = 6, record_bits: int = 24) -> Path:
    """A database of networks and their records, put in place by a rename. The writer takes 24 bits for a number of
    the tree while those do; real databases have 28."""
    writer = MMDBWriter(ip_version=ip_version, ipv4_compatible=ip_version == 6, database_type="Test")
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    made = path.with_suffix(".new")
    writer.to_db_file(str(made))
    if record_bits != 24:
        _widen(made, record_bits)
    os.replace(made, path)
    return path


def _widen(path: Path, bits: int) -> None:
    with maxminddb.open_database(path) as reader:
        nodes = reader.metadata().node_count
    content = path.read_bytes()
    numbers = [int.from_bytes(content[at : at + 3], "big") for at in range(0, nodes * 6, 3)]
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    if bits == 32:
        tree = b"".join(each.to_bytes(4, "big") for pair in pairs for each in pair)
    else:
        tree = b"".join(left.to_bytes(3, "big") + b"\0" + right.to_bytes(3, "big") for left, right in pairs)
    assert content.count(b"record_size\xa1\x18") == 1
    rest = content[nodes * 6 :].replace(b"record_size\xa1\x18", b"record_size\xa1" + bytes([bits]))
    path.write_bytes(tree + rest)


def flat(country: str) -> dict[str, Any]:
    """A record as DB-IP and IPinfo write it."""
    return {"country_code": country, "asn": 64500}


def nested(country: str) -> dict[str, Any]:
    """A record as MaxMind writes it."""
    return {
        "country": {"iso_code": country, "is_in_european_union": True},
        "location": {"latitude": 52.5},
        "subdivisions": [{"iso_code": "BE"}],
    }
