"""A synthetic database like a city one: many networks of several sizes, which hold every address, nested records in
several languages, thousands of cities.

Nothing in it is true. Real ones have some millions of networks.
"""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

SMALL_OUT_OF = 16
"""One in so many networks of 16 bits is made of sixteen of 20 bits."""
CITIES = 6_000
_LANGUAGES = ("de", "en", "es", "fr", "ja", "pt-BR", "ru", "zh-CN")


def city_database(cache: Path) -> Path:
    """The file, made once."""
    path = cache / f"city-whole-{CITIES}.mmdb"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _write(path.with_suffix(".new"))
        path.with_suffix(".new").rename(path)
    return path


def _write(path: Path) -> None:
    chance = random.Random(20261001)
    networks: dict[int, list[str]] = defaultdict(list)
    for number in range(1 << 8, 224 << 8):
        above = f"{number >> 8}.{number & 255}"
        small = chance.randrange(SMALL_OUT_OF) == 0
        for network in [f"{above}.{part << 4}.0/20" for part in range(16)] if small else [f"{above}.0.0/16"]:
            networks[chance.randrange(CITIES)].append(network)
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Bench-City", languages=list(_LANGUAGES))
    for city, its_networks in networks.items():
        writer.insert_network(IPSet(its_networks), _record(city, chance))
    writer.to_db_file(str(path))


def _record(city: int, chance: random.Random) -> dict[str, object]:
    return {
        "city": {"geoname_id": city, "names": {each: f"City {city} ({each})" for each in _LANGUAGES}},
        "country": {
            "iso_code": chance.choice(("AT", "BR", "CN", "DE", "FR", "IN", "JP", "US")),
            "geoname_id": city % 200,
        },
        "location": {
            "latitude": chance.uniform(-60, 60),
            "longitude": chance.uniform(-180, 180),
            "accuracy_radius": 20,
        },
        "postal": {"code": f"{city:05d}"},
        "subdivisions": [{"iso_code": f"S{city % 40}", "names": {"en": f"Region {city % 40}"}}],
    }
