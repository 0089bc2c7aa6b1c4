"""A synthetic database like a city one: many small networks, nested records in several languages, thousands of cities.

Nothing in it is true. Real ones have some millions of networks; a lookup walks as deep in either.
"""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

NETWORKS = 60_000
CITIES = 6_000
_LANGUAGES = ("de", "en", "es", "fr", "ja", "pt-BR", "ru", "zh-CN")


def city_database(cache: Path) -> Path:
    """The file, made once."""
    path = cache / f"city-{NETWORKS}.mmdb"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _write(path.with_suffix(".new"))
        path.with_suffix(".new").rename(path)
    return path


def _write(path: Path) -> None:
    chance = random.Random(20261001)
    networks: dict[int, list[str]] = defaultdict(list)
    for number in chance.sample(range(1 << 12, 224 << 12), NETWORKS):
        first, rest = divmod(number, 1 << 12)
        networks[chance.randrange(CITIES)].append(f"{first}.{rest >> 4}.{(rest & 15) << 4}.0/20")
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
