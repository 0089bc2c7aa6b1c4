"""What is known of a dialect without its driver: the spec, its schema and every flag ask here."""

from __future__ import annotations

import msgspec


class Facts(msgspec.Struct, frozen=True):
    """A kind of database that a sink may be."""

    name: str
    """SQLAlchemy's."""
    schemes: str
    """A regular expression of its URLs' schemes."""
    example: str
    """A URL of it, for messages."""
    is_file: bool = False
    """It is a file of this machine: no server, no user, and no other machine reaches it."""

    def path_in(self, url: str) -> str | None:
        """The file that a URL of this kind names; None for servers."""
        return url.split("://", 1)[1].removeprefix("/").partition("?")[0] if self.is_file else None
