"""Write examples/country.mmdb: a synthetic country database, small enough to live in the repository.

    python scripts/make_mmdb.py examples/country.mmdb

Nothing in it is true. Which country a network gets is drawn by a fixed seed; about a tenth of the address space
is left out, so that lookups which find nothing are seen too. The layout is flat: {"country_code": "DE"}.
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPNetwork, IPSet

COUNTRIES = ("AT", "AU", "BR", "CA", "CH", "CN", "DE", "ES", "FR", "GB", "IN", "IT", "JP", "KR", "NL", "PL", "SE", "US")
FIXED = {
    "192.0.2.0/25": "DE",
    "192.0.2.128/25": "FR",
    "198.51.100.0/24": "US",
    "203.0.113.0/24": "JP",
    "10.0.0.0/8": "ZZ",
    "192.168.0.0/16": "ZZ",
}
GAPS = 0.1
SEED = 20261001


def networks() -> dict[str, str]:
    """Network to country: a quarter of each /8 at a time, a sixteenth of 2001:db8::/32 at a time."""
    chance = random.Random(SEED)
    drawn = [f"{first}.{second}.0.0/10" for first in range(1, 224) for second in (0, 64, 128, 192)]
    drawn += [f"2001:db8:{sixteenth:x}000::/36" for sixteenth in range(16)]
    countries = {network: chance.choice(COUNTRIES) for network in drawn if chance.random() >= GAPS}
    return countries | FIXED


def main(path: Path) -> None:
    """Write the database; later networks win over the wider ones before them."""
    by_country = defaultdict(IPSet)
    fixed = IPSet(map(IPNetwork, FIXED))
    for network, country in networks().items():
        by_country[country] |= IPSet([network]) if network in FIXED else IPSet([network]) - fixed
    writer = MMDBWriter(
        ip_version=6,
        ipv4_compatible=True,
        database_type="Example-Country",
        languages=["en"],
        description="Synthetic example data: no country in it is true",
    )
    for country, addresses in sorted(by_country.items()):
        writer.insert_network(addresses, {"country_code": country})
    writer.to_db_file(str(path))
    print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "examples/country.mmdb"))
