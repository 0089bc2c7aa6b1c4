"""What is wrong around a pipeline and not with its spec: a person mends it, then the same command works."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\[(?:Errno|WinError) -?\d+\] ?")


class Unusable(Exception):
    """Something that the spec names (a secret, a database file) cannot be used here; the message says what to mend."""


def in_words(error: BaseException) -> str:
    """What an error says, for people: the file first, and no number of the operating system's."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        names = [each for each in (error.filename, error.filename2) if each is not None]
        return f"{' to '.join(map(_name, names))}: {_NUMBER.sub('', error.strerror)}"
    return _NUMBER.sub("", str(error)) or type(error).__name__


def _name(name: object) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)
