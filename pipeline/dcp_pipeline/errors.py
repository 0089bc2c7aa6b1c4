"""What is wrong around a pipeline and not with its spec: a person mends it, then the same command works."""

from __future__ import annotations


class Unusable(Exception):
    """Something that the spec names (a secret, a database file) cannot be used here; the message says what to mend."""
