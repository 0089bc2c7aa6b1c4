"""What cleaning alone costs by columns and rules, and what looking up addresses adds: plans on batches, no server."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.city import city_database
from dcp_pipeline.batch import Batch
from dcp_pipeline.spec.model import Cleaning
from dcp_worker.clean.plan import CleaningPlan
from dcp_worker.enrich import Step
from dcp_worker.enrich.enrichers import Enrichers
from support.batches import batch_of, cleaning_of, format_of

BATCH_BYTES = 1536 << 10
"""As the fetcher cuts by default."""


@dataclass(frozen=True)
class Cost:
    """Of cleaning so many records. CPU in all threads."""

    records: int
    seconds: float
    cpu_seconds: float


def clean_all(cleaning: Cleaning, batches: Sequence[Batch], enrichers: tuple[Step, ...] = ()) -> Cost:
    """Clean the batches one after the other. The first is cleaned once before, unmeasured."""
    plan = CleaningPlan.compile(cleaning, format_of(), enrichers=enrichers)
    plan.clean(batches[0])
    started, spent, records = time.monotonic(), time.process_time(), 0
    for batch in batches:
        cleaned = plan.clean(batch)
        assert not cleaned.rejects, cleaned.rejects[0]
        records += cleaned.read
    return Cost(records, time.monotonic() - started, time.process_time() - spent)


# Six columns with ten rules: a transform or a constraint each.
_SIX: tuple[dict[str, Any], ...] = (
    {"name": "word", "type": "string", "transforms": ["trim", "lower"], "constraints": {"maxLength": 40}},
    {"name": "port", "type": "integer", "constraints": {"minimum": 0, "maximum": 65535}},
    {"name": "seen", "type": "datetime", "format": "%Y-%m-%d %H:%M:%S", "constraints": {"required": True}},
    {"name": "address", "type": "ip", "constraints": {"required": True}},
    {"name": "share", "type": "number", "constraints": {"minimum": 0}},
    {"name": "code", "type": "string", "transforms": ["trim"], "constraints": {"pattern": "[A-Z]{2}[0-9]+"}},
)
RULES_OF_SIX = 10


def wide(columns: int) -> Cleaning:
    """So many columns, a multiple of six, with ten rules for each six."""
    fields = [{**each, "name": f"{each['name']}_{group}"} for group in range(columns // 6) for each in _SIX]
    return cleaning_of(*fields, unique=["word_0"])


def wide_batches(columns: int, records: int) -> list[Batch]:
    """Batches of records for it, all valid, all different."""
    groups = range(columns // 6)
    header = ",".join(f"{each['name']}_{group}" for group in groups for each in _SIX)
    lines = (",".join(_six(number, group) for group in groups).encode() + b"\n" for number in range(records))
    return _batches(lines, header)


def _six(number: int, group: int) -> str:
    second = (number + group) % 86400
    clock = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    address = _address((number + group) * 2654435761 % (1 << 32))
    return f" Word{number} ,{number % 65536},2026-10-01 {clock},{address},{number / 7:.3f},DE{number}"


def _address(number: int) -> str:
    return f"{1 + (number >> 24) % 223}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _batches(lines: Any, header: str) -> list[Batch]:
    batches, held, size = [], [], 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= BATCH_BYTES:
            batches.append(batch_of(b"".join(held), header))
            held, size = [], 0
    return [*batches, batch_of(b"".join(held), header)] if held else batches


def enrichment(records: int, cache: Path) -> tuple[Cost, Cost]:
    """Records with an address each that no other has: without, and with the city, region and country of each."""
    fields = [
        {"name": "src_ip", "type": "ip", "constraints": {"required": True}},
        {"name": "seen", "type": "datetime", "format": "%Y-%m-%d %H:%M:%S"},
        {"name": "family", "type": "string", "transforms": ["trim", "lower"]},
        {"name": "agent", "type": "string"},
        *({"name": name, "type": "string"} for name in ("city", "region", "country")),
    ]
    paths = {"city": "city.names.en", "region": "subdivisions.0.iso_code", "country": "country.iso_code"}
    database = city_database(cache)
    geoip = {"from": "src_ip", "database": {"path": str(database)}, "fields": paths}
    batches = _batches(_addressed(records), "src_ip,seen,family,agent")
    identity = ["src_ip", "seen"]
    without = clean_all(cleaning_of(*fields[:4], unique=identity), batches)
    cleaning = cleaning_of(*fields, unique=identity, enrich=[{"geoip": geoip}])
    return without, clean_all(cleaning, batches, Enrichers(Path, cache).of(cleaning))


def _addressed(records: int) -> Any:
    agent = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML; like Gecko) Chrome/120.0 Safari/537.36"
    )
    for number in range(records):
        # An odd factor is a permutation of 32 bits: scattered, and no address twice.
        scattered = number * 2654435761 % (223 << 24)
        line = f"{_address(scattered)},2026-10-01 {number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}"
        yield f"{line},Family{number % 50},{agent}\n".encode()
