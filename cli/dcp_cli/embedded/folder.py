"""The folder of an embedded server: made by this program, marked as its own, and never removed without the mark.

No path that was read from a file is ever removed: what is to go is looked for where such folders are made, and is
taken by the names that were put into it, so that a file of somebody else's stays and keeps its folder.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from dcp_pipeline.files.durable import write_durably

MARK = "made-by-dcp"
SOCKET = "valkey.sock"
LOG = "log"
NOTIFY = "notify.sock"
_OURS = (SOCKET, LOG, NOTIFY, MARK)
"""The mark goes last: a removal that is interrupted can be taken up again."""
_LONGEST_SOCKET_PATH = 103
"""Bytes that every system takes for the path of a unix socket (macOS; Linux takes 107)."""


def make_folder(state_folder: Path) -> Path:
    """A new folder for a server whose notes are in `state_folder`; only this user may look into it.

    Raises OSError where there is no room for it, or where its path is too long for a socket.
    """
    folder = Path(tempfile.mkdtemp(prefix=_prefix(state_folder), dir=_made_in()))
    try:
        if len(os.fsencode(folder / SOCKET)) > _LONGEST_SOCKET_PATH:
            raise OSError(f"{folder.parent} is too long a path for the embedded server's socket: set TMPDIR to another")
        write_durably(folder / MARK, _mark(state_folder))
    except BaseException:
        # Nothing but the mark can be in it yet.
        with suppress(OSError):
            (folder / MARK).unlink(missing_ok=True)
            folder.rmdir()
        raise
    return folder


def folders_of(state_folder: Path) -> list[Path]:
    """The folders that were made for servers of this state folder and are still there."""
    return [each for each in sorted(_made_in().glob(f"{_prefix(state_folder)}*")) if is_own(each, state_folder)]


def _made_in() -> Path:
    """systemd's folder for what lives as long as a service, where there is one: its /tmp may be hidden from others."""
    given = Path(os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0])
    return given if given.is_absolute() and os.access(given, os.W_OK) else Path(tempfile.gettempdir())


def is_own(folder: Path, state_folder: Path) -> bool:
    """Whether make_folder made this folder for this state folder: by its name, its owner and the mark inside."""
    descriptor = _opened(folder, state_folder)
    if descriptor is None:
        return False
    os.close(descriptor)
    return True


def remove_folder(folder: Path, state_folder: Path) -> bool:
    """Remove a folder that is proven to be ours, with what we put into it; False where it stays."""
    descriptor = _opened(folder, state_folder)
    if descriptor is None:
        return False
    try:
        for name in _OURS:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=descriptor)
        folder.rmdir()  # only where nothing else is in it
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _opened(folder: Path, state_folder: Path) -> int | None:
    """A descriptor of the folder itself, so that what is proven of it is true of what is then removed."""
    if not folder.is_absolute() or not folder.name.startswith(_prefix(state_folder)):
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    if _is_marked(descriptor, state_folder):
        return descriptor
    os.close(descriptor)
    return None


def _is_marked(descriptor: int, state_folder: Path) -> bool:
    found = os.fstat(descriptor)
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) != stat.S_IRWXU:
        return False
    try:
        mark = os.open(MARK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=descriptor)
    except OSError:
        return False
    wanted = _mark(state_folder).encode()
    with os.fdopen(mark, "rb") as file:
        return file.read(len(wanted) + 1) == wanted


def _prefix(state_folder: Path) -> str:
    return f"dcp-valkey-{hashlib.sha256(os.fsencode(state_folder.resolve())).hexdigest()[:12]}-"


def _mark(state_folder: Path) -> str:
    return f"dcp run removes this folder once its server is gone; its notes are in\n{state_folder.resolve()}\n"
