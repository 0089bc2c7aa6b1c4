"""The draft tried before it is shown: on the beginning, the middle and the end of the file, by the cleaning itself."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import yaml

from dcp_cli.infer.draft import Draft
from dcp_cli.infer.layout import Layout
from dcp_fetcher.sample import Spread
from dcp_pipeline.setup import Setup, load_setup
from dcp_pipeline.spec.model import Source
from dcp_worker.clean.outside import Pretended
from dcp_worker.clean.plan import ID, CleaningPlan

MOST_BYTES = 64 << 20
"""So much of a file is read; of it, batches of the beginning, the middle and the end are looked at."""


@dataclass(frozen=True)
class Trial:
    """What became of the records that were tried."""

    read: int
    duplicates: int
    rejected: tuple[tuple[str, int, str], ...]
    """Code and field, how many, and one reason."""
    whole: bool
    """Up to the end of the file."""


def tried(draft: Draft, layout: Layout, pieces: Spread) -> Draft:
    """The draft with what came of it, and without a key that lost records; layout.sure is False where not all held."""
    setup = _setup(draft)
    trial = _trial(setup, setup.pipeline.spec.sources[0], pieces)
    cleaning = draft.document["spec"]["cleaning"]
    if trial.duplicates and len(cleaning.get("unique", ())) == 1 < len(cleaning["fields"]):
        (key,) = cleaning["unique"]
        cleaning["unique"] = [each["name"] for each in cleaning["fields"]]
        seen = f"{key} is not different in all records: records that are equal in all fields are duplicates"
        return tried(replace(draft, key_seen=seen), layout, pieces)
    if trial.rejected:
        layout.sure = False
    return replace(draft, tried=tuple(_told(trial)))


def _setup(draft: Draft) -> Setup:
    with tempfile.NamedTemporaryFile("w", prefix="dcp-infer-", suffix=".yaml") as file:
        yaml.safe_dump(_reaching(draft.document), file, allow_unicode=True)
        file.flush()
        return load_setup(file.name, {})


def _reaching(document: dict) -> dict:  # type: ignore[type-arg]
    """The document, whose source may be led to any public host while it is tried."""
    spec = document["spec"]
    sources = [
        {name: {**part, "allow": ["*"]} if name == "http" else part for name, part in each.items()}
        for each in spec["sources"]
    ]
    return {**document, "spec": {**spec, "sources": sources}}


def _trial(setup: Setup, source: Source, pieces: Spread) -> Trial:
    plan = CleaningPlan.compile(setup.pipeline.spec.cleaning, source.format, outside=Pretended())
    read = duplicates = 0
    rejects: Counter[tuple[str, str]] = Counter()
    reasons: dict[tuple[str, str], str] = {}
    seen: set[bytes] = set()
    for batch in pieces.batches:
        cleaned = plan.clean(batch)
        identities = set(cleaned.rows[ID].to_list())
        read += cleaned.read
        duplicates += cleaned.duplicates + len(identities & seen)
        seen |= identities
        for each in cleaned.rejects:
            place = (each.code, each.field or "")
            rejects[place] += 1
            reasons.setdefault(place, f"line {each.line}: {each.reason}")
    told = tuple((" of ".join(filter(None, place)), number, reasons[place]) for place, number in rejects.most_common(5))
    return Trial(read, duplicates, told, pieces.whole)


def _told(trial: Trial) -> Sequence[str]:
    where = "all over the file" if trial.whole else f"the first {MOST_BYTES >> 20} MiB of the file"
    doubled = f", {trial.duplicates} of them duplicates" if trial.duplicates else ""
    if not trial.rejected:
        return [f"Tried on {trial.read} records from {where}: none is rejected{doubled}."]
    rejected = sum(number for _, number, _ in trial.rejected)
    share = "under 0.1%" if rejected * 1000 < trial.read else f"{rejected / trial.read:.1%}"
    lines = [f"CHECK: tried on {trial.read} records from {where}: {share} rejected{doubled}:"]
    return [*lines, *(f"  {number} {what} ({reason})" for what, number, reason in trial.rejected)]
