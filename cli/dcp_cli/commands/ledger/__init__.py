"""Commands on what the ledger keeps, one by one, listed as those in the folder above are."""

from __future__ import annotations

COMMANDS = ("objects", "dead", "rejects")
