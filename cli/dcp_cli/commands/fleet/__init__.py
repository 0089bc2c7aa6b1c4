"""Commands for many pipelines under one supervisor, listed as those in the folder above are."""

from __future__ import annotations

COMMANDS = ("up", "ps", "logs", "restart", "down", "service")
