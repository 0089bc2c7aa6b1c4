"""Commands for day two on a server, listed as those in the folder above are."""

from __future__ import annotations

COMMANDS = ("doctor", "test", "expect", "notify", "backup", "restore", "migrate", "forget")
