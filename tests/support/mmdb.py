"""Small MMDB databases for tests, in the layouts that vendors use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet


def write_mmdb(path: Path, records: Mapping[str, Any], ip_version: int = 6) -> Path:
    """A database of networks and their records, put in place by a rename."""
    writer = MMDBWriter(ip_version=ip_version, ipv4_compatible=ip_version == 6, database_type="Test")
    for network, record in records.items():
        writer.insert_network(IPSet([network]), record)
    made = path.with_suffix(".new")
    writer.to_db_file(str(made))
    os.replace(made, path)
    return path


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
