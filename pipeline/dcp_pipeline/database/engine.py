"""Connections to the sink's database. Each dialect's room opens its own; read transactions.py for how they are used."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError

from dcp_pipeline.database.dialect import Wanted
from dcp_pipeline.database.errors import LedgerError
from dcp_pipeline.database.rooms import room_called
from dcp_pipeline.dialects import Facts, all_facts, facts_of
from dcp_pipeline.tls import TlsSettings

DEFAULT_LEASE_SECONDS = 30.0


def connect(
    url: str,
    *,
    password: str | Callable[[], str] | None = None,
    tls: TlsSettings | None = None,
    lease_seconds: float = DEFAULT_LEASE_SECONDS,
    pool_size: int = 8,
    read_timeout_seconds: float = 300,
    local_infile: bool = True,
) -> Engine:
    """An engine for a URL of any known dialect. Nothing is connected yet.

    Locks are waited for, and idle write transactions are kept, for about `lease_seconds`: after that the batch is
    another worker's. `read_timeout_seconds` bounds a single statement. At most `pool_size` connections are open.
    A password that is called for is asked anew at each of them.

    Raises LedgerError where the URL or a PEM text is none.
    """
    facts, parsed = _parse(url)
    wanted = Wanted(password, tls, lease_seconds, pool_size, read_timeout_seconds, local_infile)
    return room_called(facts.name).open(parsed, wanted)


def _parse(url: str) -> tuple[Facts, URL]:
    examples = " or ".join(each.example for each in all_facts())
    try:
        parsed = make_url(url)
    except ArgumentError:
        # The text itself is not repeated: it may hold a password.
        raise LedgerError(f"the sink's url is none; {examples} is one") from None
    facts = facts_of(url)
    if facts is None:
        raise LedgerError(f"the sink's url names {parsed.get_backend_name()!r}; known are {examples}")
    if not parsed.database or parsed.database == ":memory:":
        raise LedgerError(f"the sink's url names no {'file' if facts.is_file else 'database'}: {facts.example}")
    return facts, parsed
